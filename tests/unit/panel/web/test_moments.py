"""Moments, durations and sizes in words."""

from __future__ import annotations

import contextvars
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.panel.web import languages
from services.panel.web.languages import Tongue
from services.panel.web.presenters import moments, quantities

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "under 1 s"),
        (1.4, "1 s"),
        (59.4, "59 s"),
        (59.7, "1 min"),
        (65, "1 min 5 s"),
        (3660, "1 h 1 min"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert moments.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "a few seconds"), (34, "about 30 s"), (130, "about 2 min")]
)
def test_an_expectation_is_rough(seconds: float, words: str) -> None:
    assert moments.expectation(seconds) == words


def test_what_was_a_moment_ago_is_just_now() -> None:
    assert moments.ago(NOW - timedelta(seconds=3), NOW) == "just now"


def test_what_is_past_is_ago_and_what_comes_is_in() -> None:
    assert moments.ago(NOW - timedelta(minutes=5), NOW) == "5 minutes ago"
    assert moments.ago(NOW + timedelta(days=3), NOW) == "in 3 days"


def test_a_day_can_be_read_from_text() -> None:
    assert moments.day("2026-12-24T00:00:00Z") == "December 24, 2026"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (3400, "3.4 kB"), (12_000_000, "12 MB")]
)
def test_a_size_is_said_in_the_unit_that_fits(count: int, words: str) -> None:
    assert quantities.size(count) == words


@pytest.mark.parametrize(
    ("language", "size", "number", "moment"),
    [
        ("en", "3.4 MB", "12,345", "21 Nov 2026, 10:30"),
        ("nl", "3,4 MB", "12.345", "21 nov 2026, 10:30"),
        ("de", "3,4 MB", "12.345", "21. Nov. 2026, 10:30"),
        ("fr", "3,4 Mo", "12 345", "21 nov. 2026, 10:30"),
    ],
)
def test_numbers_and_moments_are_written_as_in_the_language_and_zone_of_who_reads(
    language: str, size: str, number: str, moment: str
) -> None:
    def in_context() -> list[str]:
        languages.speak(Tongue(language=language, zone=ZoneInfo("Europe/Amsterdam")))
        return [quantities.size(3_400_000), quantities.number(12_345), moments.moment(NOW)]

    said = contextvars.copy_context().run(in_context)
    assert [" ".join(it.split()) for it in said] == [size, number, moment]
