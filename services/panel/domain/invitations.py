"""Invitations: how people come to act for an operator, by a link that works once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .identity import Role
    from .people import Membership, Person

LENGTH: Final = timedelta(days=7)
"""How long an invitation waits for its person."""
MOST_OPEN: Final = 50
"""Invitations of one operator that may wait at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """That somebody may act for an operator, once the link was opened."""

    id: str
    operator: str
    operator_name: str
    role: Role
    email: str
    """Whom it was meant for."""
    invited_by: str
    """Id of the person."""
    inviter_name: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """An invitation about to be kept."""

    id: str
    operator: str
    role: Role
    email: str
    digest: bytes
    invited_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation, and the code of its link: for whoever invites, and nobody after."""

    invitation: Invitation
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Circle:
    """Who acts for an operator, and who was asked to."""

    members: Sequence[tuple[Person, Membership]]
    invitations: Sequence[Invitation]
