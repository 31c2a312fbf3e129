"""What looks make of what they see: nobody is told of every hiccup, and nothing is kept back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.deployer.domain import AilmentKind, Certificate, Finding, Symptom, reviewed

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STOPPED = Symptom(application="hello", kind=AilmentKind.UNIT, message="hello: stopped")
AWAY = Symptom(
    application="hello",
    kind=AilmentKind.UNIT,
    message="the machine does not answer",
    patience=timedelta(seconds=15),
)
FULL = Symptom(application="hello", kind=AilmentKind.DISK, message="full")


def after(*looks: tuple[Symptom, ...]) -> list[list[str]]:
    """Return what is told after each of these looks, which are five seconds apart."""
    known: tuple[Finding, ...] = ()
    told = []
    for number, symptoms in enumerate(looks):
        known = reviewed(known, symptoms, NOW + timedelta(seconds=5 * number))
        told.append([it.message for it in known if it.is_told])
    return told


def test_one_look_is_not_enough_to_tell() -> None:
    assert after((STOPPED,), (), (STOPPED,), ()) == [[], [], [], []]


def test_what_lasts_is_told_and_so_is_its_end() -> None:
    told = after((STOPPED,), (STOPPED,), (STOPPED,), (), ())

    assert told == [[], ["hello: stopped"], ["hello: stopped"], ["hello: stopped"], []]


def test_a_good_moment_in_between_is_not_the_end() -> None:
    assert all(after((STOPPED,), (STOPPED,), (), (STOPPED,), (), (STOPPED,))[1:])


def test_since_when_is_when_it_was_first_seen() -> None:
    known = reviewed((), [STOPPED], NOW)
    for number in range(1, 4):
        known = reviewed(known, [STOPPED], NOW + timedelta(minutes=number))

    assert [it.since for it in known] == [NOW]


def test_a_machine_is_given_the_time_to_boot() -> None:
    looks = after((AWAY,), (AWAY,), (AWAY,), (AWAY,))

    assert looks == [[], [], [], ["the machine does not answer"]]


def test_how_it_is_put_may_change_without_a_new_beginning() -> None:
    known = reviewed((), [STOPPED], NOW)
    [found] = reviewed(known, [AWAY], NOW + timedelta(seconds=20))

    assert (found.message, found.since, found.is_told) == (AWAY.message, NOW, True)


def test_several_things_can_be_wrong() -> None:
    assert after((STOPPED, FULL), (STOPPED, FULL), (FULL,), (FULL,))[-1] == ["full"]


@pytest.mark.parametrize(
    ("days", "left", "late"),
    [(90, 15, 0), (90, 13, 1), (0.5, 0.2, 0), (0.5, 0.05, 1), (6, 2, 0)],
)
def test_a_certificate_is_late_when_it_should_have_been_renewed(
    days: float, left: float, late: int
) -> None:
    ends = NOW + timedelta(days=left)
    certificate = Certificate(begins=ends - timedelta(days=days), ends=ends)

    assert certificate.is_running_out(NOW) == bool(late)
