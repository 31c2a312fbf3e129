"""From a schema to a form.

Every schema that keeps to the profile is read in full. What is outside of it is left out of the
form, where `profile` names it; nothing in a schema can make reading fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import fields
from .fields import Choice, Condition, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from ...domain.options import Schema

    _Shared = dict[str, Any]
    _Maker = Callable[["_Place", Schema, _Shared], Field | None]

SECRET: Final = "x-secret"  # noqa: S105 - the name of an annotation
ANNOTATIONS: Final = "x-ui"
DEEPEST: Final = 3
"""Groups within groups, counting the whole form."""
MOST_IN_SIGHT: Final = 6
"""Choices that are all shown at once; more of them make a list to open."""
LONGEST_LINE: Final = 200
"""Characters that a text may have and still be one line."""
LAST: Final = 1_000_000


def read(schema: Schema, permanent: Collection[str] = ()) -> fields.Form:
    """Return the form of a schema.

    Args:
        schema: the options of an application.
        permanent: names of the options that can never change once they were deployed.
    """
    return fields.Form(
        title=_text(schema.get("title")),
        description=_text(schema.get("description")),
        fields=_members(_Place(schema, ()), schema, frozenset(permanent)),
        schema=schema,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a schema something is read."""

    whole: Schema
    path: tuple[str, ...]

    def below(self, name: str) -> _Place:
        return _Place(self.whole, (*self.path, name))


def _members(place: _Place, group: Schema, permanent: frozenset[str]) -> tuple[Field, ...]:
    known = _table(group.get("properties"))
    required = set(_list(group.get("required")))
    conditional = dict(_conditional(group))
    found = []
    for name, raw in known.items():
        schema = resolve(place.whole, _table(raw))
        shared = _shared(name, schema)
        shared["path"] = place.below(name).path
        shared["is_required"] = name in required
        shared["required_when"] = conditional.get(name, ())
        shared["is_permanent"] = name in permanent or bool(presentation(schema).get("immutable"))
        made = _field(place.below(name), schema, shared)
        if made is not None:
            found.append((_order(schema), made))
    return tuple(it for _, it in sorted(found, key=lambda pair: pair[0]))


def _order(schema: Schema) -> float:
    order = presentation(schema).get("order")
    return order if isinstance(order, int | float) else LAST


def _shared(name: str, schema: Schema) -> _Shared:
    """Return what every sort of field has."""
    ui = presentation(schema)
    examples = _list(schema.get("examples"))
    return {
        "title": _text(schema.get("title")) or name.replace("_", " ").capitalize(),
        "description": _text(schema.get("description")),
        "more": _text(ui.get("help")),
        "default": schema.get("default"),
        "has_default": "default" in schema,
        "example": _example(examples[0]) if examples else "",
        "shown_when": tuple(_conditions(_table(ui.get("showIf")))),
        "is_advanced": bool(ui.get("advanced")),
        "is_read_only": bool(schema.get("readOnly")),
        "is_deprecated": bool(schema.get("deprecated")),
        "restarts": ui.get("restartRequired") is not False,
    }


def _field(place: _Place, schema: Schema, shared: _Shared) -> Field | None:
    makers: Mapping[object, _Maker] = {
        "string": _string_field,
        "integer": _number_field,
        "number": _number_field,
        "boolean": _toggle_field,
        "array": _list_field,
        "object": _group_field,
    }
    choices = read_choices(schema)
    if choices:
        is_list = _is_list(schema, choices)
        return fields.ChoiceField(**shared, choices=choices, is_list=is_list)
    maker = makers.get(schema.get("type"))
    return maker(place, schema, shared) if maker else None


def _string_field(_: _Place, schema: Schema, shared: _Shared) -> Field:
    longest = schema.get("maxLength")
    if schema.get(SECRET):
        return fields.SecretField(**shared, longest=longest)
    widget = presentation(schema).get("widget")
    is_free = not schema.get("pattern") and not schema.get("format")
    is_long = is_free and (longest is None or longest > LONGEST_LINE)
    return fields.TextField(
        **shared,
        shortest=schema.get("minLength", 0),
        longest=longest,
        pattern=schema.get("pattern"),
        format=schema.get("format"),
        suffix=_text(presentation(schema).get("suffix")),
        is_multiline=widget == "textarea" or (is_long and widget != "text"),
    )


def _number_field(_: _Place, schema: Schema, shared: _Shared) -> Field:
    return fields.NumberField(
        **shared,
        is_whole=schema["type"] == "integer",
        suffix=_text(presentation(schema).get("suffix")),
        least=schema.get("minimum"),
        most=schema.get("maximum"),
    )


def _toggle_field(_: _Place, __: Schema, shared: _Shared) -> Field:
    return fields.ToggleField(**shared)


def _list_field(place: _Place, schema: Schema, shared: _Shared) -> Field | None:
    items = resolve(place.whole, _table(schema.get("items")))
    choices = read_choices(items)
    if choices:
        return fields.ChoicesField(**shared, choices=choices)
    return fields.LinesField(**shared) if items.get("type") == "string" else None


def _group_field(place: _Place, schema: Schema, shared: _Shared) -> Field | None:
    if len(place.path) >= DEEPEST:
        return None
    return fields.GroupField(**shared, members=_members(place, schema, frozenset()))


def read_choices(schema: Schema) -> tuple[Choice, ...]:
    """Return the values that a schema lets one choose from, none if it is of another sort."""
    if "enum" in schema:
        values = _list(schema["enum"])
        return tuple(Choice(it, fields.token(it)) for it in values)
    several = [_table(it) for it in _list(schema.get("oneOf"))]
    if not several or any("const" not in it for it in several):
        return ()
    return tuple(
        Choice(it["const"], _text(it.get("title")) or fields.token(it["const"])) for it in several
    )


def _is_list(schema: Schema, choices: Sequence[Choice]) -> bool:
    widget = presentation(schema).get("widget")
    return widget == "select" or (widget != "radio" and len(choices) > MOST_IN_SIGHT)


def _conditional(group: Schema) -> Iterator[tuple[str, tuple[Condition, ...]]]:
    """Yield which members are required under which conditions."""
    for it in [group, *(_table(it) for it in _list(group.get("allOf")))]:
        then = _table(it.get("then"))
        conditions = tuple(_conditions_of(_table(it.get("if"))))
        for name in _list(then.get("required")):
            yield str(name), conditions


def _conditions_of(condition: Schema) -> Iterator[Condition]:
    for name, wanted in _table(condition.get("properties")).items():
        found = _table(wanted)
        values = [found["const"]] if "const" in found else _list(found.get("enum"))
        yield Condition(name, tuple(values))


def _conditions(wanted: Mapping[str, JsonValue]) -> Iterator[Condition]:
    for name, it in wanted.items():
        yield Condition(name, tuple(it) if isinstance(it, list) else (it,))


def resolve(whole: Schema, schema: Schema) -> Schema:
    """Return a schema with what it refers to; what stands beside a reference counts more."""
    seen: set[str] = set()
    found = schema
    while (target := found.get("$ref")) is not None:
        rest = {name: it for name, it in found.items() if name != "$ref"}
        if target in seen or (there := look_up(whole, str(target))) is None:
            return rest
        seen.add(str(target))
        found = {**there, **rest}
    return found


def look_up(whole: Schema, reference: str) -> Schema | None:
    """Return what a reference inside of a document points to, or None."""
    if not reference.startswith("#/"):
        return None
    found: Any = whole
    for token in reference[2:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return found if isinstance(found, dict) else None


def presentation(schema: Schema) -> Schema:
    """Return what a schema says about how an option is shown."""
    return _table(schema.get(ANNOTATIONS))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _example(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(fields.token(it) for it in value)
    return "" if isinstance(value, dict | bool) else fields.token(value)
