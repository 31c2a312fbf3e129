"""Small records around every use case: pages of lists, deeds for the audit, answers kept."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: newest first, older than a given id."""

    limit: int = 50
    before: str | None = None


@dataclass(frozen=True, slots=True)
class NamePage:
    """Which part of a list by name is wanted: what follows a given name."""

    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that somebody did."""

    action: str
    """Such as `deployment.created`."""
    object: str
    """Id of what it was done to."""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request that must have its effect once, however often it is sent."""

    credential: str
    """Of the token or the session that asks."""
    route: str
    key: str
    body_digest: bytes
    """By `digest_of`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentAnswer:
    """What was answered the first time."""

    status: int
    location: str
    body: JsonValue


def digest_of(secret: str, body: str) -> bytes:
    """Return what a body is known by, to nobody but who sent it with a token or a cookie.

    A body may hold a password, and a plain digest of it could be guessed by whoever reads the
    database; there, the secret itself is a digest too.
    """
    return hmac.digest(secret.encode(), body.encode(), "sha256")
