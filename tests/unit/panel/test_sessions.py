"""Sessions end when nothing happens, and after half a day whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.panel.domain.identity import Caller, NotSignedInError, Role
from services.panel.domain.sessions import ConfirmationNeededError, KnownSession, Session

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FRESH = Session(id="s", person="p", operator="o", created_at=NOW, seen_at=NOW, confirmed_at=NOW)
CALLER = Caller(
    person="p",
    person_name="Robin",
    operator="o",
    operator_name="Garden",
    role=Role.OWNER,
    session="s",
    scopes=frozenset(),
)


@pytest.mark.parametrize(
    ("idle", "is_provider", "is_over"),
    [
        (timedelta(hours=1) - SECOND, False, False),
        (timedelta(hours=1), False, True),
        (timedelta(minutes=30) - SECOND, True, False),
        (timedelta(minutes=30), True, True),
    ],
)
def test_a_session_ends_when_nothing_happens(
    idle: timedelta, *, is_provider: bool, is_over: bool
) -> None:
    assert FRESH.is_idle(NOW + idle, is_provider=is_provider) is is_over


def test_a_session_in_constant_use_ends_after_twelve_hours() -> None:
    later = NOW + timedelta(hours=12)

    assert not FRESH.has_lasted(later - SECOND)
    assert FRESH.has_lasted(later)


def test_a_proof_is_good_for_ten_minutes() -> None:
    FRESH.require_recent(NOW + timedelta(minutes=10) - SECOND)

    with pytest.raises(ConfirmationNeededError):
        FRESH.require_recent(NOW + timedelta(minutes=10))


@pytest.mark.parametrize(
    ("is_ended", "hours", "idle", "code"),
    [
        (True, 0, 0, "session.ended"),
        (False, 2, 2, "session.expired"),
        (False, 13, 0, "session.lasted"),
        (False, 13, 2, "session.expired"),
        (False, 0, 0, None),
    ],
)
def test_only_a_session_that_is_not_over_says_who_asks(
    *, is_ended: bool, hours: int, idle: int, code: str | None
) -> None:
    now = NOW + timedelta(hours=hours)
    session = replace(FRESH, seen_at=now - timedelta(hours=idle))
    known = KnownSession(
        session=session, caller=CALLER, is_ended=is_ended, is_provider=False, now=now
    )

    if code is None:
        assert known.admit() is CALLER
        return
    with pytest.raises(NotSignedInError) as refused:
        known.admit()
    assert refused.value.code == code
