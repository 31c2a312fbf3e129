"""English that is left on a page of another language."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Final

from scripts import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VALUES: Final = re.compile(r"\{\w*\}|%\(\w+\)[sd]|<[^>]+>")
SPOKEN: Final = re.compile(r'\s(?:aria-label|title|placeholder|data-said)="([^"]*)"')
UNSPOKEN: Final = re.compile(r"<(script|style|code|pre|option|svg)\b.*?</\1>", re.DOTALL)
UNTRANSLATED: Final = frozenset({"Language"})
"""What the applications of tests call their options, which speak English only."""
WORDS: Final = 3
"""As many words are no chance: shorter sentences count only where nothing else stands."""


def english_in(page: str, language: str) -> list[str]:
    """Return sentences of the catalogue that a page says in English."""
    said = set(_said(page))
    whole, parts = _english(language)
    found = {it for it in said if it in whole}
    found |= {part for part in parts for it in said if part in it}
    return sorted(found)


def _said(page: str) -> Iterator[str]:
    """Yield every text of a page, and what is read out of its attributes."""
    plain = UNSPOKEN.sub(" ", page)
    for text in (*re.split(r"<[^>]+>", plain), *SPOKEN.findall(plain)):
        if said := " ".join(unescape(text).split()):
            yield said


@cache
def _english(language: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return sentences that say something else in a language: short ones, and parts of long."""
    whole, parts = set(), set()
    for it in messages.read(language):
        forms = zip(_forms(it.id), _forms(it.string), strict=False)
        for english, said in forms:
            if english and english != said:
                whole.add(" ".join(english.split()))
                parts |= set(_long(english)) - set(_long(said))
    return frozenset(whole - _own(language) - UNTRANSLATED), frozenset(parts)


def _own(language: str) -> set[str]:
    """Return the words of a language that happen to be English as well."""
    return {form for it in messages.read(language) for form in _forms(it.string)}


def _long(text: str) -> Iterator[str]:
    for part in VALUES.split(text):
        said = " ".join(part.split())
        if len(said.split()) >= WORDS:
            yield said


def _forms(text: str | Sequence[str] | None) -> Sequence[str]:
    return (text or "",) if isinstance(text, str | None) else tuple(text)
