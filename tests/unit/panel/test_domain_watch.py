"""What a look at a domain changes, and when the next one comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain.dns import Finding, RecordState, RecordType, Wanted
from services.panel.domain.domain_watch import Pace, Verdict, Watch, verdict, wrong_of
from shared.contracts.happenings import HappeningType

AT = datetime(2026, 11, 21, tzinfo=UTC)
PACE = Pace(interval=timedelta(hours=6), confirm=timedelta(minutes=5))
NEW = Watch(name="garden.example", operator="o", created_at=AT)


def finding(state: RecordState) -> Finding:
    wanted = Wanted(name="a.garden.example", type=RecordType.A, values=("192.0.2.1",))
    return Finding(wanted=wanted, state=state, advice="Do it.")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], Verdict.OPEN),
        (["good"], Verdict.RIGHT),
        (["good", "good"], Verdict.RIGHT),
        (["good", "missing"], Verdict.WRONG),
        (["wrong", "unknown"], Verdict.WRONG),
        (["unwanted"], Verdict.WRONG),
        (["good", "spreading"], Verdict.OPEN),
        (["good", "unknown"], Verdict.OPEN),
        (["good", "unchecked"], Verdict.OPEN),
    ],
)
def test_a_look_says_right_wrong_or_nothing(states: list[str], expected: Verdict) -> None:
    assert verdict([finding(RecordState(it)) for it in states]) is expected


def test_only_what_is_wrong_is_named() -> None:
    found = [finding(it) for it in RecordState]

    assert {it.state for it in wrong_of(found)} == {
        RecordState.MISSING,
        RecordState.WRONG,
        RecordState.UNWANTED,
    }


@given(st.lists(st.tuples(st.sampled_from(Verdict), st.integers(1, 1000)), max_size=30))
def test_what_is_told_alternates_and_two_looks_stand_behind_it(
    looks: list[tuple[Verdict, int]],
) -> None:
    watch, now, told = NEW, AT, []
    seen: list[tuple[datetime, Verdict]] = []
    for found, seconds in looks:
        now += timedelta(seconds=seconds)
        seen.append((now, found))
        watch, kind = watch.after(found, now, PACE)
        if kind is not None:
            told.append(kind)
            same = [at for at, it in seen if it is found]
            assert same[-1] == now
            assert any(now - at >= PACE.confirm for at in same)

    first = [HappeningType.DOMAIN_VERIFIED, HappeningType.DOMAIN_DRIFTED]
    assert told == [first[number % 2] for number in range(len(told))]


def test_what_is_right_is_looked_at_seldom_and_what_changes_soon() -> None:
    doubted, _ = NEW.after(Verdict.RIGHT, AT, PACE)
    right, _ = doubted.after(Verdict.RIGHT, AT + PACE.confirm, PACE)

    assert doubted.pause(AT, PACE) == PACE.confirm
    assert right.pause(AT, PACE) == PACE.interval


@pytest.mark.parametrize(
    ("hours", "minutes"), [(0, 5), (0.5, 5), (1, 6), (10, 60), (60, 360), (1000, 360)]
)
def test_what_is_not_set_yet_is_looked_at_ever_more_seldom(hours: float, minutes: int) -> None:
    assert NEW.pause(AT + timedelta(hours=hours), PACE) == timedelta(minutes=minutes)
