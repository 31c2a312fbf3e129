"""What can be wrong with a catalogue of translations, beside its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from babel.messages.catalog import Catalog, Message

PLACES: Final = re.compile(r"\{\w*\}|%\(\w+\)[sd]|%[sd]")
TAGS: Final = re.compile(r"</?[a-zA-Z][^>]*>|&\w+;")


def mistakes(catalogue: Catalog) -> list[str]:
    """List what is wrong in a catalogue, by its English sentence."""
    return [
        f"{_english(it)[0][:60]!r}: {reason}"
        for it in catalogue
        if it.id
        for reason in _mistakes(it, catalogue)
    ]


def ids(catalogue: Catalog) -> set[str | tuple[str, ...]]:
    """Return the English sentences of a catalogue."""
    return {_key(it) for it in catalogue if it.id}


def _mistakes(message: Message, catalogue: Catalog) -> Iterator[str]:
    english, said = _english(message), _forms(message.string)
    if not all(said):
        yield "is not translated"
        return
    if message.fuzzy:
        yield "is fuzzy: look at it and take the mark away"
    if len(english) > 1 and len(said) != catalogue.num_plurals:
        yield f"has {len(said)} forms, not {catalogue.num_plurals}"
    yield from (str(error) for error in message.check(catalogue))
    for number, form in enumerate(said):
        yield from _differences(english[min(number, len(english) - 1)], form)


def _differences(english: str, form: str) -> Iterator[str]:
    if set(PLACES.findall(form)) != set(PLACES.findall(english)):
        yield f"has other places for values: {form!r}"
    if sorted(TAGS.findall(form)) != sorted(TAGS.findall(english)):
        yield f"has other mark-up: {form!r}"
    if _ends(form) != _ends(english):
        yield f"begins or ends with other spaces: {form!r}"


def _ends(text: str) -> tuple[str, str]:
    bare = text.strip(" ")
    before, _, after = text.partition(bare)
    return before, after


def _key(message: Message) -> str | tuple[str, ...]:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def _english(message: Message) -> Sequence[str]:
    return _forms(message.id)


def _forms(text: str | Sequence[str] | None) -> Sequence[str]:
    return (text or "",) if isinstance(text, str | None) else tuple(text)
