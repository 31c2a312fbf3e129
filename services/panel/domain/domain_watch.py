"""The watch over a domain: whether its records are right, and when that has changed.

One look proves little: what is told has been found by two looks with some time between them. What
nobody could say, or what is only spreading, is no change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from shared.contracts.happenings import HappeningType

from .dns import RecordState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from .dns import Finding

_WRONG: Final = frozenset({RecordState.MISSING, RecordState.WRONG, RecordState.UNWANTED})
PART: Final = 10
"""What was not right for an hour is looked at again after a tenth of that."""


class Verdict(Enum):
    """What one look says about a domain."""

    RIGHT = "right"
    """Every record is as it has to be."""
    WRONG = "wrong"
    """Some record is not."""
    OPEN = "open"
    """It cannot be said."""


def verdict(findings: Sequence[Finding]) -> Verdict:
    """Return what a look says about a domain."""
    states = {it.state for it in findings}
    if states & _WRONG:
        return Verdict.WRONG
    return Verdict.RIGHT if states == {RecordState.GOOD} else Verdict.OPEN


def wrong_of(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return what is not as it has to be."""
    return [it for it in findings if it.state in _WRONG]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often domains are looked at."""

    interval: timedelta
    """Between two looks at a domain that is right."""
    confirm: timedelta
    """Between two looks that have to find the same before anybody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is known of a domain's records over time."""

    name: str
    operator: str
    created_at: datetime
    is_right: bool = False
    """As it was told last; at first nothing is right."""
    doubted_at: datetime | None = None
    """Since when looks have found the opposite."""
    good_at: datetime | None = None
    """When all was last seen to be right."""

    def begun_anew(self) -> Watch:
        """Return the watch over a domain with names that it did not have before."""
        return replace(self, is_right=False, doubted_at=None)

    def after(
        self, found: Verdict, now: datetime, pace: Pace
    ) -> tuple[Watch, HappeningType | None]:
        """Return the watch after a look, and what is to be told."""
        seen = replace(self, good_at=now) if found is Verdict.RIGHT else self
        if found is Verdict.OPEN:
            return seen, None
        if (found is Verdict.RIGHT) is self.is_right:
            return replace(seen, doubted_at=None), None
        if self.doubted_at is None or now - self.doubted_at < pace.confirm:
            return replace(seen, doubted_at=self.doubted_at or now), None
        changed = replace(seen, is_right=not self.is_right, doubted_at=None)
        kinds = (HappeningType.DOMAIN_DRIFTED, HappeningType.DOMAIN_VERIFIED)
        return changed, kinds[changed.is_right]

    def pause(self, now: datetime, pace: Pace) -> timedelta:
        """Return after how long to look again: soon where something changes."""
        if self.doubted_at is not None:
            return pace.confirm
        if self.is_right:
            return pace.interval
        waited = now - (self.good_at or self.created_at)
        return max(pace.confirm, min(pace.interval, waited / PART))
