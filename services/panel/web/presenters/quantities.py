"""Quantities in words."""

from __future__ import annotations

from typing import Final

from babel import numbers, units

from ..languages import gettext as _
from ..languages import spoken

UNITS: Final = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte")
STEP: Final = 1000
PRECISE_BELOW: Final = 10


def number(count: float) -> str:
    """Return a number as people write it, such as "12,345"."""
    return numbers.format_decimal(count, locale=spoken().language)


def size(count: int) -> str:
    """Return a number of bytes as people say it, such as "3.4 MB"."""
    found, unit = float(count), 0
    while found >= STEP and unit < len(UNITS) - 1:
        found, unit = found / STEP, unit + 1
    if not unit:
        return _("%(count)s B") % {"count": number(count)}
    digits = "0.#" if found < PRECISE_BELOW else "0"
    return units.format_unit(
        found,
        f"digital-{UNITS[unit]}",
        length="short",
        format=digits,
        locale=spoken().language,
    )
