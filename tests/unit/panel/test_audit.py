"""The audit trail: from when to when entries can be asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.panel.domain import audit

EAST = timezone(timedelta(hours=14))
WEST = timezone(timedelta(hours=-12))


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (datetime(1, 1, 1, tzinfo=EAST), audit.EARLIEST),
        (datetime(9999, 12, 31, 23, tzinfo=WEST), audit.LATEST),
        (datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)),
    ],
)
def test_moments_far_away_are_brought_to_where_they_exist(asked: datetime, meant: datetime) -> None:
    assert audit.within(asked) == meant
