"""Entries: what stands in a form, name by name, as a browser submits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from . import fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic import JsonValue

    from .fields import Field, Form

Entries = Mapping[str, tuple[str, ...]]
"""Name of a field → what was entered in it; more than one where several can be chosen."""
UNSHOWABLE: Final = "\N{REPLACEMENT CHARACTER}"


def of(form: Form, options: Mapping[str, JsonValue]) -> Entries:
    """Return what a browser would submit for options, defaults where none was chosen.

    Secrets are never among it.
    """
    return dict(_of(form.fields, options))


def gather(pairs: Iterable[tuple[str, str]]) -> Entries:
    """Return what was submitted for options; other fields of the page are left out."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name.startswith(fields.PREFIX):
            found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def without_secrets(form: Form, entries: Entries) -> Entries:
    """Return what may be kept and shown again: of known fields, and nothing secret."""
    known = {it.name for it in form.walk() if not isinstance(it, fields.SecretField)}
    return {name: tuple(map(showable, values)) for name, values in entries.items() if name in known}


def showable(text: str) -> str:
    """Return a text as a page can show it and a database keep it."""
    return "".join(UNSHOWABLE if _is_unshowable(it) else it for it in text)


def _is_unshowable(character: str) -> bool:
    return character == "\0" or "\ud800" <= character <= "\udfff"


def _of(
    members: Sequence[Field], values: Mapping[str, JsonValue]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for it in members:
        value = values.get(it.key, it.default)
        match it:
            case fields.GroupField():
                yield from _of(it.members, value if isinstance(value, dict) else {})
            case fields.SecretField():
                pass
            case _:
                yield it.name, tuple(_entered(it, value))


def _entered(it: Field, value: JsonValue) -> Iterator[str]:
    if value is None or (isinstance(it, fields.ToggleField) and value is not True):
        return
    if not isinstance(value, list):
        yield fields.token(value)
    elif isinstance(it, fields.LinesField):
        yield "\n".join(map(fields.token, value))
    else:
        yield from map(fields.token, value)
