"""Codes that prove something once, or until they end: unguessable, and kept as digests only.

    code = codes.new(Kind.SIGN_IN)      # fdv_once_…: shown once, kept nowhere
    codes.digest(code)                  # what is kept

All begin like tokens, so that logs leave them out and scanners of secrets find them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from enum import StrEnum
from typing import Final

from shared import ids

BITS_OF_CHARACTER: Final = 5
CHARACTERS: Final = 52
RECOVERY_CHARACTERS: Final = 16
RECOVERY_GROUP: Final = 4
RECOVERY_CODES: Final = 10
# Crockford's alphabet leaves these out because people read them as those.
MISREAD: Final = str.maketrans("oil", "011")


class Kind(StrEnum):
    """What a code opens; its value is how the code begins."""

    SIGN_IN = "fdv_once_"
    """The panel, once."""
    SECOND_STEP = "fdv_step_"
    """The question for the second factor, after the password."""
    SESSION = "fdv_session_"
    """The panel, for as long as the session lasts."""
    INVITATION = "fdv_invite_"
    """A membership of an operator, once."""


def new(kind: Kind) -> str:
    """Return a new code of 260 random bits."""
    return kind.value + _random(CHARACTERS)


def read(text: str, kind: Kind) -> str | None:
    """Return the code in what somebody gave, be it the code alone or a link that ends with it."""
    found = re.search(rf"{kind.value}[{ids.ALPHABET}]{{{CHARACTERS}}}\Z", text.strip())
    return found.group() if found else None


def digest(code: str) -> bytes:
    """Return what is kept of a code; so many random bits need no slow hash."""
    return hashlib.sha256(code.encode()).digest()


def new_recovery_codes() -> tuple[str, ...]:
    """Return new recovery codes, in groups that people can copy from paper."""
    return tuple(_grouped(_random(RECOVERY_CHARACTERS)) for _ in range(RECOVERY_CODES))


def read_recovery_code(text: str) -> str | None:
    """Return a recovery code as it was given out, however it was typed; None if it is none."""
    plain = re.sub(r"[\s-]", "", text).lower().translate(MISREAD)
    is_one = re.fullmatch(rf"[{ids.ALPHABET}]{{{RECOVERY_CHARACTERS}}}", plain)
    return _grouped(plain) if is_one else None


def _random(length: int) -> str:
    number = secrets.randbits(length * BITS_OF_CHARACTER)
    places = range(0, length * BITS_OF_CHARACTER, BITS_OF_CHARACTER)
    return "".join(ids.ALPHABET[number >> place & 31] for place in places)


def _grouped(code: str) -> str:
    starts = range(0, len(code), RECOVERY_GROUP)
    return "-".join(code[it : it + RECOVERY_GROUP] for it in starts)
