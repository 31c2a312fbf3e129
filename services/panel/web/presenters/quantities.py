"""Quantities in words."""

from __future__ import annotations

from typing import Final

from babel import numbers

from ..languages import spoken

UNITS: Final = ("B", "kB", "MB", "GB", "TB")
STEP: Final = 1000
PRECISE_BELOW: Final = 10


def size(count: int) -> str:
    """Return a number of bytes as people say it, such as "3.4 MB"."""
    found, unit = float(count), 0
    while found >= STEP and unit < len(UNITS) - 1:
        found, unit = found / STEP, unit + 1
    digits = "0.#" if unit and found < PRECISE_BELOW else "0"
    shown = numbers.format_decimal(found, format=digits, locale=spoken().language)
    return f"{shown} {UNITS[unit]}"
