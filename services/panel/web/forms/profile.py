"""The profile: which schemas of options can be shown as a form (docs/forms.md).

`objections` names everything in a schema that the profile does not know, by its place. A test holds
every application of the catalogue against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator, SchemaError

from ...domain import formats
from . import reading
from .reading import ANNOTATIONS, DEEPEST, SECRET, presentation, read_choices

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ...domain.options import Schema

    Objections = Iterator[str]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
WIDGETS: Final = ("radio", "select", "text", "textarea")
UI: Final[Mapping[str, type | tuple[type, ...]]] = {
    "order": (int, float),
    "advanced": bool,
    "suffix": str,
    "showIf": dict,
    "immutable": bool,
    "widget": str,
    "help": str,
    "restartRequired": bool,
}
_WHOLE: Final = frozenset({"$schema", "$id", "$defs", "$comment"})
_SAID: Final = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "$comment"}
    | {ANNOTATIONS, "type"}
)
_CHOICE: Final = frozenset({"enum", "oneOf"})
_GROUP: Final = frozenset({"properties", "required", "additionalProperties", "if", "then", "allOf"})
_KEYWORDS: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format", "writeOnly", SECRET}),
    "integer": frozenset({"minimum", "maximum", "multipleOf"})
    | {"exclusiveMinimum", "exclusiveMaximum"},
    "number": frozenset({"minimum", "maximum", "multipleOf"})
    | {"exclusiveMinimum", "exclusiveMaximum"},
    "boolean": frozenset(),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
    "object": _GROUP,
}
_LIMITS: Final = ("maxLength", "pattern", "format")


def objections(schema: Schema, permanent: Collection[str] = ()) -> list[str]:
    """Return what keeps a schema from being shown as a form; empty when it keeps to the profile.

    Args:
        schema: the options of an application.
        permanent: what its package says can never change.
    """
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return [f"/{'/'.join(map(str, error.absolute_path))}: is not a JSON Schema"]
    checker = _Checker(schema, frozenset(permanent))
    return list(checker.whole())


@dataclass(frozen=True, slots=True)
class _Checker:
    schema: Schema
    permanent: frozenset[str]

    def whole(self) -> Objections:
        if self.schema.get("$schema") != DIALECT:
            yield f"/$schema: must be {DIALECT}"
        for it in sorted(self.schema.keys() - _WHOLE - _GROUP - _SAID):
            yield f"/{it}: is not part of the profile"
        yield from self._group((), self.schema)

    def _group(self, path: tuple[str, ...], schema: Schema) -> Objections:
        at = _at(path)
        if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
            yield f"{at}: a group has the type object and refuses additionalProperties"
        members = {
            name: reading.resolve(self.schema, it)
            for name, it in schema.get("properties", {}).items()
        }
        for name, raw in schema.get("properties", {}).items():
            yield from self._reference((*path, name), raw)
            yield from self._option((*path, name), members[name])
            yield from _shown_if(_at((*path, name)), name, members, schema.get("required", []))
        for it in schema.get("required", []):
            if it not in members:
                yield f"{at}/required: names {it}, which does not exist"
        for it in schema.get("allOf", []):
            if set(it) != {"if", "then"}:
                yield f"{at}/allOf: holds nothing but conditions, each with if and then"
        for it in [schema, *schema.get("allOf", [])]:
            yield from _rule(at, it, members)

    def _reference(self, path: tuple[str, ...], raw: Schema) -> Objections:
        target = raw.get("$ref")
        if target is not None and reading.look_up(self.schema, target) is None:
            yield f"{_at(path)}/$ref: must point to something in this document (#/…)"

    def _option(self, path: tuple[str, ...], schema: Schema) -> Objections:
        at = _at(path)
        if NAME.fullmatch(path[-1]) is None:
            yield f"{at}: a name has small letters, digits and _, and begins with a letter"
        for said in ("title", "description"):
            if not schema.get(said):
                yield f"{at}/{said}: is missing"
        yield from _annotations(at, schema)
        yield from self._permanence(path, schema)
        yield from self._kind(path, schema)
        yield from self._samples(at, schema)

    def _kind(self, path: tuple[str, ...], schema: Schema) -> Objections:
        at = _at(path)
        kind = str(schema.get("type"))
        if _CHOICE & schema.keys():
            yield from _known(at, schema, _CHOICE)
            yield from _choices(at, schema)
            return
        if kind not in _KEYWORDS:
            yield f"{at}/type: must be one of {', '.join(_KEYWORDS)}"
            return
        yield from _known(at, schema, _KEYWORDS[kind])
        match kind:
            case "string":
                yield from _string(path, schema)
            case "array":
                yield from self._items(at, reading.resolve(self.schema, schema.get("items", {})))
            case "object" if len(path) >= DEEPEST:
                yield f"{at}: groups may be nested {DEEPEST} deep, the whole form included"
            case "object":
                yield from self._group(path, schema)
            case _:
                pass

    def _items(self, at: str, items: Schema) -> Objections:
        if read_choices(items):
            yield from _choices(f"{at}/items", items)
        elif items.get("type") != "string":
            yield f"{at}/items: must be choices or texts"

    def _permanence(self, path: tuple[str, ...], schema: Schema) -> Objections:
        said = bool(presentation(schema).get("immutable"))
        if said and (len(path) > 1 or path[0] not in self.permanent):
            yield f"{_at(path)}/{ANNOTATIONS}/immutable: the package does not list it as immutable"

    def _samples(self, at: str, schema: Schema) -> Objections:
        """Check that default and examples are values of the option."""
        validator = Draft202012Validator(
            {**schema, "$defs": self.schema.get("$defs", {})}, format_checker=formats.checker
        )
        if "default" in schema and not validator.is_valid(schema["default"]):
            yield f"{at}/default: does not fit the option"
        for number, it in enumerate(schema.get("examples", [])):
            if not validator.is_valid(it):
                yield f"{at}/examples/{number}: does not fit the option"
        if schema.get("type") == "string" and schema.get("default") and validator.is_valid(""):
            yield f"{at}: a text with a default may not be empty: set minLength to 1"


def _at(path: tuple[str, ...]) -> str:
    return "".join(f"/properties/{it}" for it in path)


def _known(at: str, schema: Schema, keywords: frozenset[str]) -> Objections:
    for it in sorted(schema.keys() - keywords - _SAID):
        yield f"{at}/{it}: is not part of the profile"


def _annotations(at: str, schema: Schema) -> Objections:
    ui = presentation(schema)
    if not isinstance(schema.get(ANNOTATIONS, {}), dict):
        yield f"{at}/{ANNOTATIONS}: must be an object"
    for name, value in ui.items():
        kind = UI.get(name)
        if kind is None or not isinstance(value, kind):
            yield f"{at}/{ANNOTATIONS}/{name}: is not part of the profile, or of another type"
    if ui.get("widget", WIDGETS[0]) not in WIDGETS:
        yield f"{at}/{ANNOTATIONS}/widget: must be one of {', '.join(WIDGETS)}"


def _choices(at: str, schema: Schema) -> Objections:
    choices = read_choices(schema)
    tokens = [it.token for it in choices]
    if not choices or len(set(tokens)) != len(tokens):
        yield f"{at}: choices are an enum, or oneOf with const and title, each of them once"
    if any(not it.token or not isinstance(it.value, str | int | float) for it in choices):
        yield f"{at}: a choice is a text that is not empty, a number, true or false"


def _string(path: tuple[str, ...], schema: Schema) -> Objections:
    at = _at(path)
    if not any(name in schema for name in _LIMITS):
        yield f"{at}: a text needs one of {', '.join(_LIMITS)}"
    if "format" in schema and schema["format"] not in formats.NAMES:
        yield f"{at}/format: must be one of {', '.join(formats.NAMES)}"
    if schema.get("writeOnly") and not schema.get(SECRET):
        yield f"{at}/writeOnly: say {SECRET} as well; nothing else is kept secret"
    if schema.get(SECRET) and (len(path) > 1 or "default" in schema):
        yield f"{at}/{SECRET}: a secret stands in no group and has no default"


def _shown_if(
    at: str, name: str, members: Mapping[str, Schema], required: Collection[str]
) -> Objections:
    wanted = presentation(members[name]).get("showIf", {})
    if wanted and name in required:
        yield f"{at}: what is not always shown cannot always be required; use if and then"
    for other, values in wanted.items() if isinstance(wanted, dict) else ():
        if other == name or not _decides(members.get(other, {}), values):
            yield f"{at}/{ANNOTATIONS}/showIf: {other} is no toggle or choice with that value"


def _rule(at: str, schema: Schema, members: Mapping[str, Schema]) -> Objections:
    """Check that a condition looks at toggles and choices, and only requires something."""
    if "if" not in schema and "then" not in schema:
        return
    condition, then = schema.get("if", {}), schema.get("then", {})
    looked_at = condition.get("properties", {})
    if set(condition) != {"properties", "required"} or set(looked_at) != set(condition["required"]):
        yield f"{at}/if: has properties, and requires all of them"
    for name, it in looked_at.items():
        values = it.get("const", it.get("enum"))
        if not _decides(members.get(name, {}), values):
            yield f"{at}/if: {name} is no toggle or choice with that value"
    if set(then) != {"required"} or not set(then["required"]) <= members.keys():
        yield f"{at}/then: only requires options of the same group"


def _decides(schema: Schema, values: Any) -> bool:  # noqa: ANN401 - what a schema says
    """Say whether an option can have the values on which another depends."""
    wanted = values if isinstance(values, list) else [values]
    if schema.get("type") == "boolean":
        return all(isinstance(it, bool) for it in wanted)
    possible = [it.value for it in read_choices(schema)]
    return bool(wanted) and all(it in possible for it in wanted)
