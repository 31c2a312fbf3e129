"""What machines and applications say, fit to be told: bounded, and nothing but words.

They may say anything. An event has to fit into a message of the bus, and neither JSON nor a
database takes every character.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST: Final = 2000
"""As many characters as are told at once."""
LONGEST_NAME: Final = 100
LONGEST_LIST: Final = 8000
MOST_LISTED: Final = 100
CUT: Final = " [… cut …] "
_COLOURS: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_LINE: Final = "\n"


def said(text: str, most: int = LONGEST) -> str:
    """Return a text without control characters, and without its middle when it is too long."""
    if len(text) > most:
        half = (most - len(CUT)) // 2
        text = f"{text[:half]}{CUT}{text[-half:]}"
    plain = (it if it.isprintable() or it == _LINE else " " for it in _COLOURS.sub("", text))
    return re.sub(" +", " ", "".join(plain)).strip()


def named(text: str) -> str:
    """Return what something is called, in one short line."""
    return " ".join(said(text, LONGEST_NAME).split())


def listed(texts: Sequence[str]) -> tuple[str, ...]:
    """Return as many short texts as are told at once, and how many there are besides."""
    found: list[str] = []
    room = LONGEST_LIST
    for text in texts[:MOST_LISTED]:
        one = said(text, 2 * LONGEST_NAME)
        if len(one) > room:
            break
        found.append(one)
        room -= len(one)
    left = len(texts) - len(found)
    return (*found, f"and {left} more") if left else tuple(found)
