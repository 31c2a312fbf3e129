"""The audit trail as it is looked at: who did what, when, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)


def within(moment: datetime) -> datetime:
    """Return a moment, or the end of what may be asked for that it lies beyond.

    Nothing was written down there, and such moments have no place in every time zone.
    """
    return min(max(moment, EARLIEST), LATEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are wanted; what is None does not matter."""

    operator: str | None = None
    """Only the hosting provider sees those of others."""
    person: str | None = None
    action: str | None = None
    """Such as `deployment` for all that is done to deployments, or `deployment.created`."""
    object: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One deed, as it was written down."""

    id: str
    at: datetime
    person: str | None
    person_name: str | None
    """None where the panel, or whoever runs it, did it."""
    token: str | None
    token_name: str | None
    operator: str | None
    operator_name: str | None
    action: str
    object: str
    details: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    """Where it was asked from."""
    request: str | None = None
