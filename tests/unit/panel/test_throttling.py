"""Who guesses waits longer and longer; who does not, elsewhere, is never kept out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.panel.domain import throttling
from services.panel.domain.throttling import Attempts, Bucket, TooManyAttemptsError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BUCKET = Bucket("one", 5)


@pytest.mark.parametrize(
    ("count", "seconds"), [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (11, 60), (9999, 60)]
)
def test_the_wait_doubles_and_never_passes_a_minute(count: int, seconds: int) -> None:
    assert throttling.wait_after(count, 5) == timedelta(seconds=seconds)


def test_an_attempt_in_the_wait_is_refused_with_what_is_left_of_it() -> None:
    before = Attempts(8, NOW)

    with pytest.raises(TooManyAttemptsError, match="Wait 6 seconds") as refused:
        before.after(NOW + timedelta(seconds=2.5), BUCKET)

    assert refused.value.seconds == 6
    assert before.after(NOW + timedelta(seconds=8), BUCKET) == 9


def test_attempts_are_forgotten_after_an_hour() -> None:
    assert Attempts(500, NOW).after(NOW + timedelta(hours=1), BUCKET) == 1


def test_strangers_elsewhere_count_for_themselves() -> None:
    [here, _] = throttling.of_password("robin@garden.example", "192.0.2.1")
    [there, _] = throttling.of_password("robin@garden.example", "192.0.2.2")

    assert here.digest != there.digest
    assert b"robin" not in here.digest


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("nonsense", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_stands_for_what_one_subscriber_has(address: str | None, network: str) -> None:
    assert throttling.network_of(address) == network
