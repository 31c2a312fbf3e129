"""What forms tell of errors, and what they keep to themselves."""

from __future__ import annotations

import pytest

from services.panel.web.presenters.refusals import refusal_of
from shared import errors


def test_what_is_wrong_inside_is_not_told_by_a_form() -> None:
    away = errors.UnavailableError("database.away", "10.0.0.7:5432 refused the connection")

    with pytest.raises(errors.UnavailableError) as raised:
        refusal_of(away, "email", "password")

    assert raised.value is away


def test_a_busy_panel_says_when_to_try_again() -> None:
    busy = errors.UnavailableError("password.busy", "too many passwords are being checked")

    refusal = refusal_of(busy, "email", "password")

    assert (refusal.status, refusal.seconds) == (503, 2)
    assert refusal.summary == (
        ("", "Many people sign in at the moment. Try again in a few seconds."),
    )
