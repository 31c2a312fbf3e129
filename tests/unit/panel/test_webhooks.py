"""When a delivery is tried again, when it is given up, and when its endpoint is disabled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.panel.domain.webhooks import (
    PATIENCE,
    SCHEDULE_SECONDS,
    Answer,
    Delivery,
    DeliveryState,
    reason_to_disable,
)
from shared.contracts.happenings import LARGEST_BYTES, HappeningType, example, meaning, shape
from tests.support.endpoints import AT, an_endpoint

FAILED = Answer(status=500)


def delivery(attempt: int = 1) -> Delivery:
    return Delivery(
        id="d",
        endpoint="e",
        message="m",
        type=HappeningType.RUN_FAILED,
        state=DeliveryState.WAITING,
        attempt=attempt,
        created_at=AT,
        next_at=AT,
    )


def test_ten_attempts_are_made_over_three_days() -> None:
    found, now, pauses = delivery(), AT, []
    while found.state is DeliveryState.WAITING:
        found = found.concluded(FAILED, now, 0)
        if found.next_at is not None:
            pauses.append((found.next_at - now).total_seconds())
            now = found.next_at
            found = delivery(found.attempt + 1)

    assert found.state is DeliveryState.FAILED
    assert found.attempt == 10
    assert (0, *pauses) == SCHEDULE_SECONDS
    assert timedelta(days=3) < now - AT < timedelta(days=4)


@given(chance=st.floats(0, 1), attempt=st.integers(1, 9))
def test_jitter_delays_and_never_hurries(chance: float, attempt: int) -> None:
    found = delivery(attempt).concluded(FAILED, AT, chance)

    assert found.next_at is not None
    pause = (found.next_at - AT).total_seconds()
    planned = SCHEDULE_SECONDS[attempt]
    assert planned <= pause <= planned * 1.1 + 1e-6


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_a_shorter_one_nor_for_ever() -> None:
    def pause(seconds: float) -> float:
        answer = Answer(status=503, retry_after_seconds=seconds)
        found = delivery().concluded(answer, AT, 0)
        assert found.next_at is not None
        return (found.next_at - AT).total_seconds()

    assert pause(120) == 120
    assert pause(1) == 5
    assert pause(10**12) == 86400


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_only_2xx_is_success(status: int) -> None:
    found = delivery().concluded(Answer(status=status), AT, 0)

    assert found.state is DeliveryState.DELIVERED
    assert found.next_at is None


@pytest.mark.parametrize("status", [None, 101, 301, 302, 307, 400, 404, 429, 500])
def test_everything_else_is_tried_again(status: int | None) -> None:
    assert delivery().concluded(Answer(status=status), AT, 0).state is DeliveryState.WAITING


def test_410_ends_the_delivery_and_disables_the_endpoint() -> None:
    gone = Answer(status=410)

    assert delivery().concluded(gone, AT, 0).state is DeliveryState.FAILED
    assert "410" in (reason_to_disable(an_endpoint(), gone, AT) or "")


def test_an_endpoint_is_disabled_after_five_days_of_failure() -> None:
    failing = an_endpoint(failing_since=AT)

    assert reason_to_disable(failing, FAILED, AT + PATIENCE - timedelta(seconds=1)) is None
    assert "5 days" in (reason_to_disable(failing, FAILED, AT + PATIENCE) or "")
    assert reason_to_disable(failing, Answer(status=200), AT + PATIENCE) is None
    assert reason_to_disable(an_endpoint(), FAILED, AT + PATIENCE) is None


def test_a_redirect_says_what_to_do() -> None:
    assert "final URL" in Answer(status=301).in_words


@pytest.mark.parametrize("kind", HappeningType)
def test_every_type_has_a_meaning_and_a_small_example_that_reads_back(kind: HappeningType) -> None:
    found = example(kind)
    body = found.model_dump_json().encode()

    assert meaning(kind).endswith(".")
    assert shape(kind).model_validate_json(body) == found
    assert len(body) < LARGEST_BYTES
