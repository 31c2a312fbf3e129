"""The second factor: codes of an app, one every 30 seconds (RFC 6238), each good once."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Final

import pyotp

from shared import errors

if TYPE_CHECKING:
    from datetime import datetime

SECONDS: Final = 30
SECRET: Final = re.compile("[A-Z2-7]{32}")


def new_secret() -> str:
    """Return a new secret for app and panel to share: 160 random bits."""
    return pyotp.random_base32()


def read_secret(text: str) -> str:
    """Return a secret that came back with a form.

    Raises:
        InvalidError: it is none.
    """
    if not SECRET.fullmatch(text):
        raise errors.InvalidError(
            "second_factor.secret", "The key of the app is damaged. Begin again with a new one."
        )
    return text


def link(secret: str, *, person: str, provider: str) -> str:
    """Return what an app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=person, issuer_name=provider)


def matching_counter(secret: str, code: str, at: datetime, *, newer_than: int) -> int | None:
    """Return which 30 seconds a code belongs to, or None.

    Clocks may differ by half a minute. What was used, and what came before it, is used up.
    """
    given = re.sub(r"\s", "", code)
    now = int(at.timestamp()) // SECONDS
    for counter in (now - 1, now, now + 1):
        expected = pyotp.TOTP(secret).generate_otp(counter)
        if counter > newer_than and hmac.compare_digest(expected.encode(), given.encode()):
            return counter
    return None
