"""Objects of a JSON document, read field by field; every mistake is noted, with its place.

Values are never repeated in a mistake: a secret may stand where it must not.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

# Nor half of a letter, which nothing but JSON can write.
PLAIN: Final = r"[^\x00-\x1f\x7f\ud800-\udfff]+"
LARGEST: Final = 2**63 - 1
DEEPEST: Final = 32
"""Objects and lists in each other."""
MISSING: Final = object()


class Fields:
    """One object of a document."""

    def __init__(self, value: object, place: str, mistakes: list[str]) -> None:
        self._place = place
        self.mistakes = mistakes
        self._values: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self.note("must be an object")

    def note(self, what: str, name: str = "") -> None:
        """Note a mistake at a field, or at the object itself."""
        place = ".".join(it for it in (self._place, name) if it)
        self.mistakes.append(f"{place or 'the document'}: {what}")

    def has(self, name: str) -> bool:
        """Say whether a field is there and not null."""
        return self._values.get(name) is not None

    def only(self, *names: str) -> None:
        """Note every field that has none of these names."""
        for name in sorted(self._values.keys() - {*names}):
            self.note(f"is not known; known are {', '.join(sorted(names))}", name)

    def text(self, name: str, pattern: str = PLAIN, *, default: str | None = None) -> str:
        """Return a text that the pattern describes as a whole."""
        value = self._values.get(name)
        if default is not None and (value is None or value == default):
            return default
        if not isinstance(value, str):
            self.note("is missing" if value is None else "must be a text", name)
        elif not re.fullmatch(pattern, value):
            self.note(f"must look like {pattern}", name)
        else:
            return value
        return ""

    def path(self, name: str, pattern: str) -> str:
        """Return a path that the pattern describes; its bytes need not be UTF-8."""
        value = self.text(name, pattern)
        try:
            os.fsencode(value)
        except UnicodeEncodeError:
            self.note("must be made of bytes", name)
            return ""
        return value

    def number(self, name: str, *, default: int | None = None, most: int = LARGEST) -> int:
        """Return a whole number that is not negative."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.note(f"must be a whole number from 0 to {most}", name)
            return 0
        return value

    def signed(self, name: str) -> int:
        """Return a whole number."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
            self.note("must be a whole number of 64 bits", name)
            return 0
        return value

    def flag(self, name: str) -> bool:
        """Return whether something is so; it is not, where nothing is said."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            self.note("must be true or false", name)
            return False
        return value

    def texts(self, name: str, pattern: str = PLAIN) -> tuple[str, ...]:
        """Return a list of texts, which may be left out."""
        value = self._list(name)
        for number, it in enumerate(value):
            if not isinstance(it, str) or not re.fullmatch(pattern, it):
                self.note(f"must look like {pattern}", f"{name}[{number}]")
        return tuple(it for it in value if isinstance(it, str))

    def part(self, name: str) -> Fields:
        """Return an object below this one."""
        return Fields(self._values.get(name), f"{self._place}.{name}".strip("."), self.mistakes)

    def each(self, name: str) -> list[Fields]:
        """Return a list of objects, which may be left out."""
        place = f"{self._place}.{name}".strip(".")
        return [
            Fields(it, f"{place}[{number}]", self.mistakes)
            for number, it in enumerate(self._list(name))
        ]

    def plain(self, name: str) -> dict[str, Any]:
        """Return an object that is kept as it is; it may be left out."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            self.note("must be an object", name)
        elif _is_deeper(value, DEEPEST):
            self.note(f"must not be deeper than {DEEPEST}", name)
            return {}
        return value if isinstance(value, dict) else {}

    def _list(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if value is not None and not isinstance(value, list):
            self.note("must be a list", name)
        return value if isinstance(value, list) else []


def _is_deeper(value: object, most: int) -> bool:
    layer = [value]
    for _ in range(most):
        layer = [
            below
            for it in layer
            if isinstance(it, dict | list)
            for below in (it.values() if isinstance(it, dict) else it)
        ]
    return bool(layer)
