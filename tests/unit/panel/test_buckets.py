"""Token buckets allow bursts, fill again with time, and forget who was not seen for long."""

from services.panel.domain import buckets
from services.panel.domain.buckets import Buckets, Rate

RATE = Rate(name="api", times=3, seconds=6)


def test_a_bucket_allows_a_burst_and_then_says_when_to_come_again() -> None:
    found = Buckets(RATE)

    takes = [found.take("me", 10.0) for _ in range(4)]

    assert [it.is_allowed for it in takes] == [True, True, True, False]
    assert [it.left for it in takes] == [2, 1, 0, 0]
    assert takes[-1].wait_seconds == 2
    assert takes[-1].full_in_seconds == 6


def test_a_bucket_fills_with_time_and_never_over_its_brim() -> None:
    found = Buckets(RATE)
    for _ in range(3):
        found.take("me", 0.0)

    assert found.take("me", 1.0).is_allowed is False
    assert found.take("me", 2.0).is_allowed is True
    assert [found.take("me", 1000.0).is_allowed for _ in range(4)] == [True, True, True, False]


def test_everybody_has_a_bucket_of_their_own() -> None:
    found = Buckets(RATE)
    for _ in range(4):
        found.take("me", 0.0)

    assert found.take("you", 0.0).left == 2


def test_no_more_buckets_are_kept_than_memory_should_hold() -> None:
    found = Buckets(RATE)
    for number in range(buckets.MOST_BUCKETS + 1):
        found.open(str(number), 0.0)

    assert "0" not in found
    assert "1" in found
