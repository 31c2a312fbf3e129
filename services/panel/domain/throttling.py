"""Throttling: who guesses waits longer and longer, and nobody is ever locked out.

Attempts are counted in buckets before they are looked at, so that many at once count as well. A
bucket for a password belongs to an e-mail address *and* the network that asks: strangers elsewhere
cannot keep a person out. Only the second factor has one per person, since to get there takes the
password.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_WAIT: Final = timedelta(minutes=1)
FORGOTTEN_AFTER: Final = timedelta(hours=1)
NETWORK_BITS: Final = 64
"""What one subscriber has of IPv6 addresses."""


class TooManyAttemptsError(errors.QuotaExceededError):
    """Too many attempts; the next one has to wait."""

    def __init__(self, wait: timedelta) -> None:
        self.seconds = max(1, math.ceil(wait.total_seconds()))
        unit = "second" if self.seconds == 1 else "seconds"
        super().__init__(
            "sign_in.too_many",
            f"Too many attempts. Wait {self.seconds} {unit}, then try again.",
            details={},
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where attempts of one sort are counted."""

    name: str
    free: int
    """How many attempts have not to wait."""

    @property
    def digest(self) -> bytes:
        """What is kept: whose attempts they were is nobody's business."""
        return hashlib.sha256(self.name.encode()).digest()


@dataclass(frozen=True, slots=True)
class Attempts:
    """What was counted in a bucket before."""

    count: int
    newest_at: datetime

    def after(self, now: datetime, bucket: Bucket) -> int:
        """Return the new count.

        Raises:
            TooManyAttemptsError: the attempt came too early.
        """
        if now - self.newest_at >= FORGOTTEN_AFTER:
            return 1
        left = self.newest_at + wait_after(self.count, bucket.free) - now
        if left > timedelta():
            raise TooManyAttemptsError(left)
        return self.count + 1


def wait_after(count: int, free: int) -> timedelta:
    """Return how long to wait after so many attempts: doubled each time, a minute at most."""
    if count < free:
        return timedelta()
    return min(LONGEST_WAIT, timedelta(seconds=2 ** min(count - free, 10)))


def of_password(email: str, address: str | None) -> tuple[Bucket, Bucket]:
    """Return the buckets of an attempt with a password."""
    network = network_of(address)
    return Bucket(f"password {network} {email}", 5), of_network(address)


def of_network(address: str | None) -> Bucket:
    """Return the bucket of everything that a network tries."""
    return Bucket(f"network {network_of(address)}", 100)


def of_second_factor(person: str) -> Bucket:
    """Return the bucket of an attempt with a code of a person's app."""
    return Bucket(f"second factor {person}", 5)


def of_confirmation(session: str) -> Bucket:
    """Return the bucket of attempts to prove again who it is."""
    return Bucket(f"confirmation {session}", 5)


def network_of(address: str | None) -> str:
    """Return the network that an address stands for: itself, or its subscriber's with IPv6."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, NETWORK_BITS), strict=False))
