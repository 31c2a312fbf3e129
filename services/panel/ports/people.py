"""What panel needs to know people and keep them signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from shared.database import Transaction

    from ..domain.audit import AuditEntry, AuditFilter
    from ..domain.identity import Role
    from ..domain.invitations import Invitation, NewInvitation
    from ..domain.people import Membership, Person
    from ..domain.records import Page
    from ..domain.sessions import KnownSession, NewSession, Session
    from ..domain.throttling import Bucket
    from ..domain.tokens import IssuedToken


class PersonRegister(Protocol):
    """Keep people and their memberships."""

    async def add(self, tx: Transaction, person: Person) -> None:
        """Keep a new person.

        Raises:
            ConflictError: the e-mail address is another person's.
        """
        ...

    async def find(self, tx: Transaction, person: str) -> Person | None:
        """Return a person, or None."""
        ...

    async def find_by_email(self, tx: Transaction, email: str) -> Person | None:
        """Return the person who signs in with this e-mail address, or None."""
        ...

    async def lock(self, tx: Transaction, person: str) -> Person | None:
        """Return a person whom nobody else changes until the transaction ends, or None."""
        ...

    async def save(self, tx: Transaction, person: Person) -> None:
        """Write what can change of a person.

        Raises:
            ConflictError: the e-mail address is another person's.
        """
        ...

    async def list_memberships(self, tx: Transaction, person: str) -> Sequence[Membership]:
        """Return the memberships of a person that have not ended, oldest first."""
        ...

    async def lock_operator(self, tx: Transaction, operator: str) -> None:
        """Let nobody else count what an operator has until the transaction ends."""
        ...

    async def list_members(
        self, tx: Transaction, operator: str
    ) -> Sequence[tuple[Person, Membership]]:
        """Return who acts for an operator, oldest membership first."""
        ...

    async def lock_members(
        self, tx: Transaction, operator: str
    ) -> Sequence[tuple[Person, Membership]]:
        """Return the same; nobody else changes the memberships until the transaction ends."""
        ...

    async def join(self, tx: Transaction, person: str, operator: str, role: Role) -> None:
        """Let a person act for an operator in this role from now on."""
        ...

    async def leave(self, tx: Transaction, person: str, operator: str) -> None:
        """End a membership, with the sessions and tokens that stand on it."""
        ...


class SessionRegister(Protocol):
    """Keep sessions."""

    async def add(self, tx: Transaction, session: NewSession) -> None:
        """Keep a new session."""
        ...

    async def find(self, tx: Transaction, digest: bytes) -> KnownSession | None:
        """Return the session with this digest, in whatever condition it is."""
        ...

    async def touch(self, tx: Transaction, session: str) -> None:
        """Record that something was asked for in a session just now."""
        ...

    async def list_open(self, tx: Transaction, person: str) -> Sequence[Session]:
        """Return the sessions of a person that have not ended, newest first."""
        ...

    async def confirm(self, tx: Transaction, session: str) -> None:
        """Record that the person of a session proved who it is just now."""
        ...

    async def switch(self, tx: Transaction, session: str, operator: str) -> None:
        """Let a session act for another operator of its person."""
        ...

    async def end(self, tx: Transaction, person: str, session: str) -> bool:
        """End one session of a person; False when there is no such open session."""
        ...

    async def end_all(self, tx: Transaction, person: str, *, but: str | None = None) -> int:
        """End all sessions of a person but one, and return how many those were."""
        ...


class CodeRegister(Protocol):
    """Keep the codes that let people in, each once."""

    async def add(
        self, tx: Transaction, person: str, operator: str, *, digest: bytes, until: datetime
    ) -> None:
        """Keep a code that lets a person in."""
        ...

    async def use(self, tx: Transaction, digest: bytes) -> tuple[str, str] | None:
        """Use a code up, and return its person and operator; None when it opens nothing."""
        ...

    async def add_step(
        self, tx: Transaction, person: str, operator: str, *, digest: bytes, until: datetime
    ) -> None:
        """Keep that a person gave the right password, under a code."""
        ...

    async def find_step(self, tx: Transaction, digest: bytes) -> tuple[str, str] | None:
        """Return person and operator of a code between password and second factor, or None."""
        ...

    async def use_step(self, tx: Transaction, digest: bytes) -> bool:
        """Use such a code up; False when it opens nothing any more."""
        ...

    async def drop_steps(self, tx: Transaction, person: str) -> None:
        """Let no such code of a person open anything any more."""
        ...

    async def replace_recovery_codes(
        self, tx: Transaction, person: str, digests: Collection[bytes]
    ) -> None:
        """Let these recovery codes be a person's, and no others."""
        ...

    async def count_recovery_codes(self, tx: Transaction, person: str) -> int:
        """Return how many recovery codes a person has left."""
        ...

    async def use_recovery_code(self, tx: Transaction, person: str, digest: bytes) -> bool:
        """Use a recovery code up; False when it is none of the person's."""
        ...


class AttemptLedger(Protocol):
    """Count attempts to sign in."""

    async def count(self, tx: Transaction, buckets: Collection[Bucket]) -> None:
        """Count one attempt in each bucket.

        Raises:
            TooManyAttemptsError: it came too early for one of them; nothing was counted.
        """
        ...

    async def forgive(self, tx: Transaction, bucket: Bucket, *, all_of_it: bool) -> None:
        """Count back one attempt that succeeded, or all that a bucket holds."""
        ...


class PasswordHasher(Protocol):
    """Make and check what is kept of passwords; slow on purpose, and bounded in memory."""

    async def hash(self, password: SecretStr, asker: str) -> str:
        """Return what is kept of a password.

        Raises:
            TooManyAttemptsError: too many of this asker wait.
        """
        ...

    async def verify(self, kept: str | None, password: SecretStr, asker: str) -> bool:
        """Say whether a password is the one; without one to compare to it takes as long.

        Raises:
            TooManyAttemptsError: too many of this asker wait.
        """
        ...

    def is_outdated(self, kept: str) -> bool:
        """Say whether a hash was made with less than what is asked for today."""
        ...


class InvitationRegister(Protocol):
    """Keep invitations."""

    async def add(self, tx: Transaction, invitation: NewInvitation) -> None:
        """Keep a new invitation."""
        ...

    async def list_open(self, tx: Transaction, operator: str) -> Sequence[Invitation]:
        """Return an operator's invitations that still wait, newest first.

        None waits when whoever invited is no owner any more.
        """
        ...

    async def find_open(self, tx: Transaction, digest: bytes) -> Invitation | None:
        """Return the invitation with this digest if it still waits, locked, or None."""
        ...

    async def accept(self, tx: Transaction, invitation: str, person: str) -> None:
        """Record that a person accepted an invitation."""
        ...

    async def revoke(self, tx: Transaction, operator: str, invitation: str) -> bool:
        """Take an invitation back; False when none of the operator's waits under this id."""
        ...

    async def revoke_of(self, tx: Transaction, operator: str, person: str) -> None:
        """Take back whatever a person invited others to for an operator."""
        ...


class TokenRegister(Protocol):
    """Keep API tokens."""

    async def list_issued(self, tx: Transaction, operator: str) -> Sequence[IssuedToken]:
        """Return the tokens for an operator that were not revoked, newest first."""
        ...

    async def revoke(self, tx: Transaction, token: str) -> None:
        """Let a token open nothing any more."""
        ...


class AuditView(Protocol):
    """Look at the audit trail."""

    async def list_entries(
        self, tx: Transaction, wanted: AuditFilter, page: Page, *, operator: str | None
    ) -> Sequence[AuditEntry]:
        """Return entries, newest first: of one operator, or of all."""
        ...
