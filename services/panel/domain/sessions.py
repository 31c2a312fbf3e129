"""Sessions: how long a person stays signed in, and for how long that proves who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors

from .identity import NotSignedInError

if TYPE_CHECKING:
    from datetime import datetime

    from .identity import Caller

IDLE: Final = timedelta(hours=1)
"""How long nothing may be asked for in a session before it ends."""
IDLE_OF_PROVIDER: Final = timedelta(minutes=30)
"""The same, where all operators' affairs are open."""
LONGEST: Final = timedelta(hours=12)
"""How long a session lasts, whatever happens in it."""
RECENT: Final = timedelta(minutes=10)
"""How long a proof of who it is opens what cannot be undone."""


class SessionEndedError(NotSignedInError):
    """The session has ended; its person has to sign in again."""


class ConfirmationNeededError(errors.ForbiddenError):
    """The person has to prove again who they are, because of what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where somebody signs in from, as far as that can be seen."""

    address: str | None = None
    agent: str | None = None
    """How the browser calls itself."""
    request: str | None = None
    """Id of the request."""
    code: str | None = field(default=None, repr=False)
    """Of the session that the browser has so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who has signed in with one browser."""

    id: str
    person: str
    operator: str
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime
    address: str | None = None
    agent: str | None = None

    def is_idle(self, now: datetime, *, is_provider: bool = False) -> bool:
        """Say whether nothing was asked for in the session for too long."""
        return now - self.seen_at >= (IDLE_OF_PROVIDER if is_provider else IDLE)

    def has_lasted(self, now: datetime) -> bool:
        """Say whether the session is as long as any may be, whatever happened in it."""
        return now - self.created_at >= LONGEST

    def require_recent(self, now: datetime) -> None:
        """Raise ConfirmationNeededError unless the person proved a moment ago who they are."""
        if now - self.confirmed_at >= RECENT:
            raise ConfirmationNeededError(
                "session.not_confirmed",
                "This needs a fresh proof that it is you. Confirm who you are, then do it again.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session about to be kept."""

    id: str
    person: str
    operator: str
    digest: bytes
    client: Client


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSession:
    """A session that was found, and whether it still opens anything."""

    session: Session
    caller: Caller
    is_ended: bool
    is_provider: bool
    language: str | None = None
    time_zone: str | None = None
    now: datetime
    """The database's time: sessions are kept there, whatever the clocks of replicas say."""

    def admit(self) -> Caller:
        """Return who is asking.

        Raises:
            SessionEndedError: the session opens nothing any more.
        """
        if self.is_ended:
            raise SessionEndedError("session.ended", "You are signed out. Sign in again to go on.")
        if self.session.is_idle(self.now, is_provider=self.is_provider):
            raise SessionEndedError(
                "session.expired",
                "You were signed out because nothing happened for a while. Sign in to go on.",
            )
        if self.session.has_lasted(self.now):
            raise SessionEndedError(
                "session.lasted",
                "You were signed out because 12 hours have passed since you signed in.",
            )
        return self.caller
