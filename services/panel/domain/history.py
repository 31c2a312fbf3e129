"""History: runs as lists show them, and how many of them say how long the next one takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .runs import Run

RECENT: Final = 10
"""How many runs of a kind say how long its steps usually take."""
FEWEST: Final = 3
"""Fewer say nothing."""


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run, the domain that it was for, and the name of whoever asked for it."""

    run: Run
    domain: str
    by: str
