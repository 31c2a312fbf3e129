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
    from collections.abc import Iterator, Sequence
    from datetime import datetime

LONGEST_WAIT: Final = timedelta(minutes=1)
FORGOTTEN_AFTER: Final = timedelta(hours=1)
NETWORK_BITS: Final = 64
"""What one subscriber has of IPv6 addresses, at least."""
FREE_OF_NETWORK: Final = 30
WIDER: Final = ((56, 200), (48, 1000))
"""What many subscribers have, and some have alone: bits, and how many attempts are free."""


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


@dataclass(frozen=True, slots=True)
class PasswordBuckets:
    """Where an attempt with a password is counted."""

    own: Bucket
    """Of the e-mail address; the right password empties it."""
    often: Bucket
    """The same, whether the password was right or not: each costs as much."""
    networks: Sequence[Bucket]
    """Of everything that a network tries; the right password is counted back."""

    def __iter__(self) -> Iterator[Bucket]:
        """Yield all of them."""
        return iter((self.own, self.often, *self.networks))


def of_password(email: str, address: str | None) -> PasswordBuckets:
    """Return the buckets of an attempt with a password."""
    network = network_of(address)
    return PasswordBuckets(
        Bucket(f"password {network} {email}", 5),
        Bucket(f"passwords {network} {email}", 30),
        of_networks(address),
    )


def of_networks(address: str | None) -> Sequence[Bucket]:
    """Return the buckets of everything that a network tries, and those which that is part of."""
    network = network_of(address)
    found = [Bucket(f"network {network}", FREE_OF_NETWORK)]
    if ":" in network:
        inner = ipaddress.IPv6Network(network)
        found += [Bucket(f"network {inner.supernet(new_prefix=it)}", free) for it, free in WIDER]
    return found


def of_work(person: str) -> Bucket:
    """Return the bucket of whatever makes the panel work on passwords of a person."""
    return Bucket(f"work {person}", 30)


def of_invitation(invitation: str) -> Bucket:
    """Return the bucket of attempts to make a login by an invitation."""
    return Bucket(f"invitation {invitation}", 10)


def of_email(person: str) -> Bucket:
    """Return the bucket of attempts to take another e-mail address."""
    return Bucket(f"email {person}", 5)


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
