"""Options: what an operator submitted for an application, checked against its JSON Schema."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from jsonschema import Draft202012Validator, FormatChecker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from jsonschema.exceptions import ValidationError
    from pydantic import JsonValue

    from shared.contracts.deployments import Options

Schema = dict[str, Any]
SECRET: Final = "x-secret"  # noqa: S105 - the name of an annotation
DEEPEST: Final = 8


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
    """Return what is wrong with the options: pointer → reason, empty when they fit.

    Args:
        schema: the application's options schema.
        options: what was submitted.
        sealed: names of secret options that are already known and need not be given again.
    """
    unstorable = dict(_unstorable(options))
    if unstorable:
        return unstorable
    validator = Draft202012Validator(_without_required(schema, sealed), format_checker=_FORMATS)
    # The wrong type says most about a value: it comes last and so wins over other errors.
    errors = validator.iter_errors(cast("Any", options))
    found = sorted(errors, key=lambda error: error.validator == "type")
    return dict(problem for error in found for problem in _problems(error))


def split(schema: Schema, options: Options, sealed: Collection[str]) -> Submitted:
    """Part options that fit the schema into plain ones, new secrets and kept secrets."""
    names = secret_names(schema)
    return Submitted(
        plain={name: it for name, it in options.items() if name not in names},
        secrets={name: str(it) for name, it in options.items() if name in names},
        kept=tuple(sorted(name for name in sealed if name in names and name not in options)),
    )


_FORMATS: Final = FormatChecker()


def _without_required(schema: Schema, sealed: Collection[str]) -> Schema:
    required = [name for name in schema.get("required", []) if name not in sealed]
    return schema | {"required": required}


def _unstorable(value: JsonValue, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Find what JSON allows and neither a database nor an application can keep."""
    if depth > DEEPEST:
        yield pointer, "This is nested too deeply."
        return
    if isinstance(value, str) and not _is_storable(value):
        yield pointer, "This contains characters that cannot be stored."
    if isinstance(value, float) and not math.isfinite(value):
        yield pointer, "This must be a number."
    for name, it in _members(value):
        yield from _unstorable(name, pointer, depth)
        yield from _unstorable(it, f"{pointer}/{_escape(name)}", depth + 1)


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= it <= "\udfff" for it in text)


def _members(value: JsonValue) -> Iterable[tuple[str, JsonValue]]:
    if isinstance(value, dict):
        return value.items()
    return ((str(index), it) for index, it in enumerate(value)) if isinstance(value, list) else ()


def _problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    path = "".join(f"/{_escape(str(it))}" for it in error.absolute_path)
    match error.validator:
        case "required":
            wanted = cast("list[str]", error.validator_value)
            name = next(it for it in wanted if error.message.startswith(f"{it!r} "))
            yield f"{path}/{_escape(name)}", _message(error)
        case "additionalProperties":
            known = cast("Schema", error.schema).get("properties", {})
            for name in cast("Options", error.instance).keys() - known.keys():
                yield f"{path}/{_escape(name)}", _message(error)
        case _:
            yield path, _message(error)


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


def _message(error: ValidationError) -> str:
    """Say it in our own words: a validator's text repeats the value, which may be a secret."""
    value = error.validator_value
    if error.validator == "type":
        names = [value] if isinstance(value, str) else cast("list[str]", value)
        return f"This must be {' or '.join(_TYPES.get(it, it) for it in names)}."
    template = _MESSAGES.get(
        str(error.validator), "This does not fit what the application expects."
    )
    choices = ", ".join(map(str, value)) if isinstance(value, list) else ""
    return template.format(value=value, choices=choices)
