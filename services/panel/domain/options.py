"""Options: what an operator submitted for an application, checked against its JSON Schema."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from jsonschema import Draft202012Validator

from . import formats

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from jsonschema.exceptions import ValidationError
    from pydantic import JsonValue

    from shared.contracts.deployments import Options

Schema = dict[str, Any]
SECRET: Final = "x-secret"  # noqa: S105 - the name of an annotation
DEEPEST: Final = 8


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a value breaks, without the value: that may be a secret."""

    pointer: str
    """Where the value is (RFC 6901)."""
    rule: str
    """The schema's keyword, or one of our own: `storable`, `depth`, `finite`."""
    value: JsonValue = None
    """What the schema says under that keyword."""

    @property
    def path(self) -> tuple[str, ...]:
        """Where the value is, name by name."""
        names = self.pointer.split("/")[1:]
        return tuple(it.replace("~1", "/").replace("~0", "~") for it in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """Options that fit the schema, secret ones apart."""

    plain: Options
    secrets: dict[str, str]
    """Secret options that were given anew, in clear, to be sealed at once."""
    kept: tuple[str, ...]
    """Secret options that were not given again and stay what they are."""


def secret_names(schema: Schema) -> frozenset[str]:
    """Return the names of the secret options."""
    properties = schema.get("properties", {})
    return frozenset(name for name, it in properties.items() if it.get(SECRET))


def check(schema: Schema, options: Options, sealed: Collection[str]) -> dict[str, str]:
    """Return what is wrong with the options: pointer → reason, empty when they fit."""
    return {it.pointer: _message(it) for it in violations(schema, options, sealed)}


def violations(schema: Schema, options: Options, sealed: Collection[str]) -> list[Violation]:
    """Return which rules the options break, one for each place, none when they fit.

    Args:
        schema: the application's options schema.
        options: what was submitted.
        sealed: names of secret options that are already known and need not be given again.
    """
    unstorable = list(_unstorable(options))
    if unstorable:
        return unstorable
    validator = Draft202012Validator(schema, format_checker=formats.checker)
    # The wrong type says most about a value: it comes last and so wins over other errors.
    errors = validator.iter_errors(cast("Any", options))
    found = sorted(errors, key=lambda error: error.validator == "type")
    known = {f"/{_escape(name)}" for name in sealed}
    by_place = {it.pointer: it for error in found for it in _violations(error)}
    return [it for it in by_place.values() if it.rule != "required" or it.pointer not in known]


def split(schema: Schema, options: Options, sealed: Collection[str]) -> Submitted:
    """Part options that fit the schema into plain ones, new secrets and kept secrets."""
    names = secret_names(schema)
    return Submitted(
        plain={name: it for name, it in options.items() if name not in names},
        secrets={name: str(it) for name, it in options.items() if name in names},
        kept=tuple(sorted(name for name in sealed if name in names and name not in options)),
    )


def _unstorable(value: JsonValue, pointer: str = "", depth: int = 0) -> Iterator[Violation]:
    """Find what JSON allows and neither a database nor an application can keep."""
    if depth > DEEPEST:
        yield Violation(pointer, "depth")
        return
    if isinstance(value, str) and not _is_storable(value):
        yield Violation(pointer, "storable")
    if isinstance(value, float) and not math.isfinite(value):
        yield Violation(pointer, "finite")
    for name, it in _members(value):
        yield from _unstorable(name, pointer, depth)
        yield from _unstorable(it, f"{pointer}/{_escape(name)}", depth + 1)


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= it <= "\udfff" for it in text)


def _members(value: JsonValue) -> Iterable[tuple[str, JsonValue]]:
    if isinstance(value, dict):
        return value.items()
    return ((str(index), it) for index, it in enumerate(value)) if isinstance(value, list) else ()


def _violations(error: ValidationError) -> Iterator[Violation]:
    path = "".join(f"/{_escape(str(it))}" for it in error.absolute_path)
    match error.validator:
        case "required":
            wanted = cast("list[str]", error.validator_value)
            name = next(it for it in wanted if error.message.startswith(f"{it!r} "))
            yield Violation(f"{path}/{_escape(name)}", "required")
        case "additionalProperties":
            known = cast("Schema", error.schema).get("properties", {})
            for name in cast("Options", error.instance).keys() - known.keys():
                yield Violation(f"{path}/{_escape(name)}", "additionalProperties")
        case _:
            yield Violation(path, str(error.validator), cast("JsonValue", error.validator_value))


def _escape(token: str) -> str:
    """Escape one token of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


_TYPES: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no (true or false)",
    "array": "a list",
    "object": "a group of options",
}
_MESSAGES: Final[Mapping[str, str]] = {
    "depth": "This is nested too deeply.",
    "storable": "This contains characters that cannot be stored.",
    "finite": "This must be a number.",
    "required": "This is required.",
    "additionalProperties": "There is no such option.",
    "unevaluatedProperties": "There is no such option.",
    "enum": "This must be one of: {choices}.",
    "const": "This must be {value}.",
    "minLength": "This must have {value} characters or more.",
    "maxLength": "This must have {value} characters or fewer.",
    "minimum": "This must be {value} or more.",
    "maximum": "This must be {value} or less.",
    "exclusiveMinimum": "This must be more than {value}.",
    "exclusiveMaximum": "This must be less than {value}.",
    "multipleOf": "This must be a multiple of {value}.",
    "minItems": "Choose {value} or more.",
    "maxItems": "Choose {value} or fewer.",
    "uniqueItems": "Each entry may be there only once.",
    "pattern": "This does not have the expected form.",
    "format": "This is not a valid {value}.",
    "oneOf": "This must be one of the offered choices.",
    "anyOf": "This must be one of the offered choices.",
}


def _message(found: Violation) -> str:
    """Say it in our own words: a validator's text repeats the value, which may be a secret."""
    value = found.value
    if found.rule == "type":
        names = [value] if isinstance(value, str) else cast("list[str]", value)
        return f"This must be {' or '.join(_TYPES.get(it, it) for it in names)}."
    template = _MESSAGES.get(found.rule, "This does not fit what the application expects.")
    choices = ", ".join(map(str, value)) if isinstance(value, list) else ""
    return template.format(value=value, choices=choices)
