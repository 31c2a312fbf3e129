"""Passwords are long and not the first that are tried; how they look is nobody's business."""

from __future__ import annotations

import pytest

from services.panel.domain import passwords
from shared import errors

KNOWN = ("Robin van den Berg", "robin.berg@garden.example", "Garden friends")


@pytest.mark.parametrize(
    "text",
    [
        "correct mules paint bridges",
        "twelve chars",
        "ünïcødé pässwörd",
        "0b6c2c1a9f3e",
        "x" * 100 + "many different",
        "garden bicycle robin teapot",
    ],
)
def test_a_good_password_is_taken(text: str) -> None:
    passwords.require_good(passwords.read(text), *KNOWN)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "12 characters"),
        ("eleven char", "12 characters"),
        ("a" * 257, "256 characters or fewer"),
        ("aaaaaaaaaaaaaaaa", "tried first"),
        ("abababababababab", "tried first"),
        ("123456789012", "tried first"),
        ("qwertyuiopasdf", "tried first"),
        ("mnbvcxzlkjhg", "tried first"),
        ("password1234", "tried first"),
        ("PasswordPassword!", "tried first"),
        ("P@ssw0rd12345", "tried first"),
        ("Welcome2026!!", "tried first"),
        ("adminadminadmin", "tried first"),
        ("correcthorsebatterystaple", "tried first"),
        ("robin.berg2026", "who you are"),
        ("GardenFriends1", "who you are"),
    ],
)
def test_a_weak_password_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(errors.InvalidError, match=why) as refused:
        passwords.require_good(passwords.read(text), *KNOWN)

    assert set(refused.value.details) == {"password"}
    assert not text or text not in refused.value.message


def test_a_password_is_the_same_from_every_keyboard() -> None:
    composed, in_two = passwords.read("pässwörter"), passwords.read("pa\u0308sswo\u0308rter")

    assert composed == in_two
    assert "pass" not in repr(composed)
