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
    here = throttling.of_password("robin@garden.example", "192.0.2.1")
    there = throttling.of_password("robin@garden.example", "192.0.2.2")

    assert not {it.digest for it in here} & {it.digest for it in there}
    assert b"robin" not in here.own.digest


def test_neighbours_in_a_wide_network_count_together_as_well() -> None:
    one = throttling.of_networks("2001:db8:1:2:aaaa::1")
    next_door = throttling.of_networks("2001:db8:1:3::1")
    in_town = throttling.of_networks("2001:db8:1:ff00::1")

    assert [it.free for it in one] == [30, 200, 1000]
    assert [it.digest for it in one][1:] == [it.digest for it in next_door][1:]
    assert one[0].digest != next_door[0].digest
    assert [a.digest == b.digest for a, b in zip(one, in_town, strict=True)] == [False, False, True]


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", None])
def test_an_address_without_a_wide_network_counts_once(address: str | None) -> None:
    assert [it.free for it in throttling.of_networks(address)] == [30]


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
