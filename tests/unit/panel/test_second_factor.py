"""Codes of an app are good for a minute and a half, and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from services.panel.domain import second_factor
from shared import errors

# The secret of RFC 6238's test vectors, as apps read it.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - published
AT = datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC)
COUNTER = 1234567890 // 30


def test_the_codes_are_those_of_the_standard() -> None:
    found = second_factor.matching_counter(SECRET, "005924", AT, newer_than=0)

    assert found == COUNTER


@pytest.mark.parametrize(
    ("late", "found"), [(-60, None), (-30, COUNTER), (30, COUNTER), (60, None)]
)
def test_clocks_may_differ_by_half_a_minute(late: int, found: int | None) -> None:
    at = AT + timedelta(seconds=late)

    assert second_factor.matching_counter(SECRET, "005 924", at, newer_than=0) == found


def test_a_code_is_good_once_and_so_is_none_before_it() -> None:
    earlier = pyotp.TOTP(SECRET).generate_otp(COUNTER - 1)

    assert second_factor.matching_counter(SECRET, "005924", AT, newer_than=COUNTER) is None
    assert second_factor.matching_counter(SECRET, earlier, AT, newer_than=COUNTER) is None


@pytest.mark.parametrize("text", ["", "5924", "not a code", "0059245", "٠٠٥٩٢٤"])
def test_nothing_else_is_a_code(text: str) -> None:
    assert second_factor.matching_counter(SECRET, text, AT, newer_than=0) is None


def test_an_app_reads_whose_codes_it_makes() -> None:
    secret = second_factor.read_secret(second_factor.new_secret())
    link = second_factor.link(secret, person="robin@garden.example", provider="Good Hosting")

    assert link.startswith("otpauth://totp/Good%20Hosting:robin%40garden.example?")
    assert secret in link


@pytest.mark.parametrize("text", ["", "short", "a" * 32, "A" * 33])
def test_a_damaged_secret_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidError):
        second_factor.read_secret(text)
