"""API tokens as people see them: what each may do, until when, and whether it is in use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors

from .sentences import N_, say, together

if TYPE_CHECKING:
    from datetime import datetime

    from .identity import Scope

LONGEST_DAYS: Final = 365
LONGEST_NAME: Final = 100
MOST: Final = 50
"""Tokens that one person may have for one operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """A token that somebody wants."""

    name: str
    scopes: frozenset[Scope]
    days: int

    def require_possible(self) -> None:
        """Raise InvalidError unless such a token can be made."""
        wrong: dict[str, str] = {}
        if not 1 <= len(self.name.strip()) <= LONGEST_NAME or not self.name.isprintable():
            wrong["name"] = say(
                "Give the token a name of 1 to {most} characters.", most=LONGEST_NAME
            )
        if not self.scopes:
            wrong["scopes"] = N_("Choose what the token may do.")
        if not 1 <= self.days <= LONGEST_DAYS:
            wrong["days"] = say("A token lasts from 1 to {most} days.", most=LONGEST_DAYS)
        if wrong:
            raise errors.InvalidError("token.invalid", together(wrong.values()), details=wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token that was made and not revoked; itself it is kept nowhere."""

    id: str
    person: str
    person_name: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token, for the one who asked and nobody after."""

    issued: IssuedToken
    secret: str = field(repr=False)
