"""What is said about a field that breaks a rule: our own sentences, whole, by the rule's name.

A validator's own text would repeat the value, which may be a secret, and speaks to programmers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..languages import N_, gettext, ngettext
from . import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from ...domain.options import Violation
    from .fields import Field

_FORMATS: Final[Mapping[str, str]] = {
    "date": N_("{label} must be a day, written like 2026-11-30."),
    "email": N_("{label} must be an e-mail address, such as name@example.org."),
    "hostname": N_("{label} must be a host name, such as www.example.org."),
    "uri": N_("{label} must be an address that begins with https:// or http://."),
}
_MISSING_TEXT: Final = N_("{label} is missing. Enter it.")
_MISSING_CHOICE: Final = N_("{label} is missing. Choose one.")
_OTHER: Final = N_("{label} does not fit what the application expects.")
_SENTENCES: Final[Mapping[str, str]] = {
    "additionalProperties": N_("{label} has an option that does not exist."),
    "const": N_("{label} must be {limit}."),
    "depth": N_("{label} is nested too deeply."),
    "enum": N_("{label}: choose one of those that are offered."),
    "exclusiveMaximum": N_("{label} must be less than {limit}."),
    "exclusiveMinimum": N_("{label} must be more than {limit}."),
    "finite": N_("{label} must be a number."),
    "maximum": N_("{label} must be {limit} or less."),
    "minimum": N_("{label} must be {limit} or more."),
    "multipleOf": N_("{label} must be a multiple of {limit}."),
    "oneOf": N_("{label}: choose one of those that are offered."),
    "storable": N_("{label} contains characters that cannot be stored. Take them out."),
    "uniqueItems": N_("{label} has the same entry more than once. Keep one of them."),
}
_TYPES: Final[Mapping[type[Field], str]] = {
    fields.ToggleField: N_("{label} must be on or off."),
    fields.TextField: N_("{label} must be text."),
    fields.SecretField: N_("{label} must be text."),
    fields.ChoiceField: N_("{label}: choose one of those that are offered."),
}


def say(found: Violation, it: Field | None) -> str:
    """Return what is said about a broken rule.

    Args:
        found: the rule and where it is broken.
        it: the field at that place or the nearest above it, None for the form as a whole.
    """
    label = _label(found, it)
    counted = _counted(found, it, label)
    if counted is not None:
        return counted
    template = _template(found, it)
    return gettext(template).format(label=label, limit=_limit(found.value, it))


def missing(it: Field) -> str:
    """Say that a field needs a value."""
    return gettext(_MISSING_TEXT).format(label=it.title)


def unticked(it: Field) -> str:
    """Say that a new secret was entered, and not that it replaces the stored one."""
    return gettext(
        "{label}: a new value was entered, but the box that replaces the stored one is not "
        "ticked. Tick it, or leave the value empty."
    ).format(label=it.title)


def fixed(it: Field) -> str:
    """Say that a field cannot be changed."""
    return gettext("{label} can never change. It stays as it is.").format(label=it.title)


def twice(it: Field) -> str:
    """Say that a form held a field more than once."""
    return gettext("{label} was sent more than once. Enter it again.").format(label=it.title)


def strangers(count: int) -> str:
    """Say that a form held fields that nobody knows."""
    return ngettext(
        "The form held {count} field that this application does not have. Nothing was kept of it.",
        "The form held {count} fields that this application does not have. Nothing was kept of "
        "them.",
        count,
    ).format(count=count)


def _label(found: Violation, it: Field | None) -> str:
    if it is None:
        return gettext("This form")
    below = found.path[len(it.path) :]
    if isinstance(it, fields.LinesField) and below and below[0].isdecimal():
        return gettext("Line {number} of {label}").format(number=int(below[0]) + 1, label=it.title)
    return it.title


def _template(found: Violation, it: Field | None) -> str:
    match found.rule:
        case "required":
            is_choice = isinstance(it, fields.ChoiceField | fields.ChoicesField)
            return _MISSING_CHOICE if is_choice else _MISSING_TEXT
        case "format":
            return _FORMATS.get(str(found.value), _OTHER)
        case "pattern":
            return _pattern(it)
        case "type":
            return _type(it)
        case _:
            return _SENTENCES.get(found.rule, _OTHER)


def _pattern(it: Field | None) -> str:
    if it is None or not it.example:
        return N_("{label} does not have the expected form.")
    return N_("{label} does not have the expected form. An example: {limit}")


def _type(it: Field | None) -> str:
    if isinstance(it, fields.NumberField):
        whole = N_("{label} must be a whole number.")
        return whole if it.is_whole else N_("{label} must be a number.")
    return _TYPES.get(type(it), _OTHER) if it is not None else _OTHER


def _limit(value: JsonValue, it: Field | None) -> str:
    if isinstance(value, str) and it is not None:
        return it.example
    return fields.token(value)


def _counted(found: Violation, it: Field | None, label: str) -> str | None:
    """Return what is said where a number decides between singular and plural."""
    limit = found.value
    if not isinstance(limit, int):
        return None
    match found.rule:
        case "minLength":
            said = ngettext(
                "{label} must have {limit} character or more.",
                "{label} must have {limit} characters or more.",
                limit,
            )
        case "maxLength":
            said = ngettext(
                "{label} must have {limit} character or fewer.",
                "{label} must have {limit} characters or fewer.",
                limit,
            )
        case "minItems" | "maxItems":
            said = _items(found.rule, it, limit)
        case _:
            return None
    return said.format(label=label, limit=limit)


def _items(rule: str, it: Field | None, limit: int) -> str:
    is_chosen = isinstance(it, fields.ChoicesField)
    match rule, is_chosen:
        case "minItems", True:
            return ngettext(
                "{label}: choose at least {limit}.", "{label}: choose at least {limit}.", limit
            )
        case "minItems", False:
            return ngettext(
                "{label} must have {limit} line or more.",
                "{label} must have {limit} lines or more.",
                limit,
            )
        case _, True:
            return ngettext(
                "{label}: choose {limit} or fewer.", "{label}: choose {limit} or fewer.", limit
            )
        case _:
            return ngettext(
                "{label} must have {limit} line or fewer.",
                "{label} must have {limit} lines or fewer.",
                limit,
            )
