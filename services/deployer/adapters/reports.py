"""What machines report of themselves, read: boot, system, and what became of a switch."""

from __future__ import annotations

import re
from typing import Final

from shared import errors

from ..domain import Sighting, Switch, SwitchResult
from . import words

BOOT_ID: Final = r"[0-9a-f-]{36}"
SYSTEM: Final = r"[!-~]{0,500}"
LONGEST_NUMBER: Final = 9
"""The digits of a number that every row takes."""
_SIGHTING: Final = re.compile(rf"({BOOT_ID})\n({SYSTEM})\s*")


def sighting(text: str) -> Sighting:
    """Read which boot a machine is in, and which system runs.

    Raises:
        FaultError: it is something else.
    """
    found = _SIGHTING.fullmatch(text)
    if found is None:
        raise unreadable(text)
    return Sighting(boot_id=found[1], system=found[2])


def switch(text: str) -> Switch:
    """Read what the programs of a system print about a switch: result, generation, reason.

    Raises:
        FaultError: it is something else.
    """
    line = text.strip().splitlines()[-1:] or [""]
    result, _, rest = line[0].partition(" ")
    generation, _, reason = rest.partition(" ")
    is_number = generation.isdecimal() and len(generation) <= LONGEST_NUMBER
    if result not in set(SwitchResult) or not is_number:
        raise unreadable(text)
    reason = words.said(reason)
    return Switch(result=SwitchResult(result), generation=int(generation), reason=reason)


def unreadable(text: str) -> errors.FaultError:
    """Return the error for what a machine never says."""
    return errors.FaultError("machine.unreadable", f"the machine reports {text[-200:]!r}")
