"""Identifiers: UUIDv7 bits as 26 lowercase Crockford base32 characters.

The form is legal in NATS subjects, S3 bucket names, DNS labels and Proxmox names, and sorts by
time. External things get derived names, so that they can be found again after any crash.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH: Final = 26
PATTERN: Final = re.compile(f"[0-7][{ALPHABET}]{{{LENGTH - 1}}}")


class _Sequence:
    """Ids of one process rise strictly, also within a millisecond and when a clock steps back."""

    def __init__(self) -> None:
        self._newest = 0

    def next(self, value: int) -> int:
        """Return the value, or the next one after the newest."""
        self._newest = max(value, self._newest + 1)
        return self._newest


_sequence: Final = _Sequence()


def new_id(milliseconds: int | None = None) -> str:
    """Return a new id; `milliseconds` since 1970 decides the first 48 bits (RFC 9562, 5.7)."""
    moment = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    value = (moment & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    if milliseconds is None:
        value = _sequence.next(value)
    return _written(value)


def id_after(earlier: str) -> str:
    """Return a new id that is greater than another, also if that is of a clock that runs ahead."""
    found = new_id()
    if found > earlier:
        return found
    value = 0
    for it in earlier:
        value = value << 5 | ALPHABET.index(it)
    return _written(value + 1)


def _written(value: int) -> str:
    return "".join(ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Say whether a text has the form of an id."""
    return PATTERN.fullmatch(text) is not None


def machine_name(deployment: str, number: int) -> str:
    """Return the name of a deployment's n-th machine, counted from 1."""
    return f"fdv-{deployment}-{number}"


def bucket_name(deployment: str, application: str, purpose: str) -> str:
    """Return the name of a bucket, which is also the name of its user."""
    return f"fdv-{deployment}-{application[:12]}-{purpose[:8]}"
