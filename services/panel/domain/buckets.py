"""Token buckets: how often something may happen, with room for bursts."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

MOST_BUCKETS: Final = 10_000
"""Of one kind in one process; the one that was used longest ago gives way to a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many times in so many seconds, all at once if need be."""

    name: str
    times: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What came of asking a bucket."""

    rate: Rate
    is_allowed: bool
    left: int
    full_in_seconds: int
    wait_seconds: int
    """Until it is worth asking again; 0 when it was allowed."""


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


@dataclass(slots=True)
class Buckets:
    """The buckets of one rate, by whoever they are for."""

    rate: Rate
    _kept: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def open(self, key: str, now: float) -> None:
        """Make the bucket of somebody, full, unless there is one."""
        self._find(key, now)

    def take(self, key: str, now: float) -> Take:
        """Take one out of somebody's bucket, if one is in it.

        Args:
            key: whose bucket.
            now: seconds on a clock that never goes back.
        """
        found = self._find(key, now)
        per_second = self.rate.times / self.rate.seconds
        found.level = min(self.rate.times, found.level + (now - found.at) * per_second)
        found.at = now
        is_allowed = found.level >= 1
        found.level -= is_allowed
        return Take(
            rate=self.rate,
            is_allowed=is_allowed,
            left=int(found.level),
            full_in_seconds=math.ceil((self.rate.times - found.level) / per_second),
            wait_seconds=0 if is_allowed else math.ceil((1 - found.level) / per_second),
        )

    def _find(self, key: str, now: float) -> _Bucket:
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _Bucket(self.rate.times, now)
            if len(self._kept) > MOST_BUCKETS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found
