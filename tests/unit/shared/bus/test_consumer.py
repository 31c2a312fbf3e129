"""What an error means for a message, decided in one place."""

from __future__ import annotations

import pytest

from shared import errors, ids
from shared.bus import consumer, dead_letters


@pytest.mark.parametrize(
    ("error", "deliveries", "is_final"),
    [
        (errors.UnavailableError("x"), 1, False),
        (errors.UnavailableError("x"), 1000, False),
        (consumer.UndecodableError("x"), 1, True),
        (errors.InvalidError("x"), 1, False),
        (errors.InvalidError("x"), consumer.MOST_DELIVERIES, True),
        (errors.FaultError("x"), consumer.MOST_DELIVERIES - 1, False),
        (errors.FaultError("x"), consumer.MOST_DELIVERIES, True),
        (ZeroDivisionError(), consumer.MOST_DELIVERIES - 1, False),
        (ZeroDivisionError(), consumer.MOST_DELIVERIES, True),
    ],
)
def test_an_error_is_final_when_trying_again_cannot_help(
    error: Exception,
    deliveries: int,
    is_final: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert consumer.is_final(error, deliveries) == is_final


def test_the_pause_between_deliveries_grows_up_to_a_limit() -> None:
    pauses = [consumer.delay_seconds(it) for it in (1, 2, 3, 4, 100)]

    assert pauses == [0.1, 0.2, 0.4, 0.8, consumer.LONGEST_DELAY_SECONDS]


def test_messages_of_one_deployment_share_a_lane() -> None:
    deployment = ids.new_id()
    subjects = [f"ev.{it}.{deployment}.Fact" for it in ("panel", "storage", "deployer")]

    lanes = {consumer.lane_of(it) for it in (*subjects, f"progress.{deployment}.{ids.new_id()}")}

    assert len(lanes) == 1


def test_messages_of_many_deployments_use_every_lane() -> None:
    lanes = {consumer.lane_of(f"ev.panel.{ids.new_id()}.Fact") for _ in range(500)}

    assert lanes == set(range(consumer.AT_ONCE))


@pytest.mark.parametrize("subject", ["", "ev", "ev.x.y.z.\udc80", "ev.panel.*.Fact"])
def test_a_strange_subject_has_a_lane_as_well(subject: str) -> None:
    assert 0 <= consumer.lane_of(subject) < consumer.AT_ONCE


def test_what_nobody_foresaw_is_not_told_to_the_bus() -> None:
    assert "hunter2" not in dead_letters.reason_of(ValueError("password hunter2"))
    assert "odd" in dead_letters.reason_of(errors.ConflictError("test.odd"))


def test_a_reason_never_holds_one_of_our_secrets() -> None:
    error = errors.FaultError("test", "could not read AGE-SECRET-KEY-1ABCDEF")

    assert "AGE-SECRET-KEY" not in dead_letters.reason_of(error)


@pytest.mark.parametrize("text", ["a\0b", "a\udc80b", "x" * 10_000])
def test_every_text_is_made_storable(text: str) -> None:
    stored = dead_letters.storable(text)

    assert "\0" not in stored
    assert len(stored) <= dead_letters.LONGEST_TEXT
    stored.encode()


def test_the_stand_in_for_no_deployment_is_a_legal_id() -> None:
    assert ids.is_id(dead_letters.NO_DEPLOYMENT)
