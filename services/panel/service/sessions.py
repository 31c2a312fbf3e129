"""Sessions: begun when somebody proves who it is, resumed with every request, ended by anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, ids

from ..domain import codes
from ..domain.codes import Kind
from ..domain.identity import Scope
from ..domain.records import Deed
from ..domain.sessions import NewSession, SessionEndedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.sessions import Client, KnownSession, Session
    from ..ports import AuditTrail
    from ..ports.people import SessionRegister


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that has begun, and the one thing that resumes it."""

    code: str
    """For the browser that signed in, and nobody else."""
    caller: Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Keep people signed in."""

    sessions: SessionRegister
    audit: AuditTrail

    async def begin(
        self, tx: Transaction, person: str, operator: str, client: Client, *, by: str
    ) -> Begun:
        """Begin a session; its code is new each time, whatever the browser had before.

        Args:
            tx: where it becomes true.
            person: who proved to be this person.
            operator: whom the person acts for at first.
            client: where the session is used.
            by: how the person proved it, for the audit.
        """
        await self._replace(tx, client)
        code = codes.new(Kind.SESSION)
        new = NewSession(
            id=ids.new_id(),
            person=person,
            operator=operator,
            digest=codes.digest(code),
            client=client,
        )
        await self.sessions.add(tx, new)
        known = await self._known(tx, code)
        caller = known.admit().seen_at(client.address, client.request)
        await self.audit.record(tx, caller, Deed("session.began", new.id, {"by": by}))
        return Begun(code, caller)

    async def resume(self, tx: Transaction, code: str | None) -> KnownSession:
        """Return the session of a browser, with who is asking.

        Raises:
            SessionEndedError: there is none, or none that is good.
        """
        if not code:
            raise SessionEndedError("session.missing", "Sign in to see this.")
        known = await self._known(tx, code)
        known.admit()
        await self.sessions.touch(tx, known.session.id)
        return known

    async def list_sessions(self, tx: Transaction, caller: Caller) -> Sequence[Session]:
        """Return where the person is signed in, newest first."""
        caller.require(Scope.ACCESS)
        return await self.sessions.list_open(tx, caller.person)

    async def end(self, tx: Transaction, caller: Caller, session: str) -> None:
        """End one of the person's sessions."""
        caller.require(Scope.ACCESS)
        if not await self.sessions.end(tx, caller.person, session):
            raise errors.NotFoundError("session.not_found", "There is no such session of yours.")
        await self.audit.record(tx, caller, Deed("session.ended", session))

    async def end_own(self, tx: Transaction, client: Client) -> None:
        """End the session that a browser has, if it has one."""
        known = await self.sessions.find(tx, codes.digest(client.code)) if client.code else None
        if known is None or known.is_ended:
            return
        await self.sessions.end(tx, known.session.person, known.session.id)
        caller = known.caller.seen_at(client.address, client.request)
        await self.audit.record(tx, caller, Deed("session.ended", known.session.id))

    async def end_others(self, tx: Transaction, caller: Caller) -> int:
        """End all of the person's sessions but the one that asks, and return how many."""
        caller.require(Scope.ACCESS)
        ended = await self.sessions.end_all(tx, caller.person, but=caller.session)
        deed = Deed("session.others_ended", caller.person, {"ended": str(ended)})
        await self.audit.record(tx, caller, deed)
        return ended

    async def _replace(self, tx: Transaction, client: Client) -> None:
        """End the session that the browser had before: nobody can come back to it."""
        known = await self.sessions.find(tx, codes.digest(client.code)) if client.code else None
        if known is not None:
            await self.sessions.end(tx, known.session.person, known.session.id)

    async def _known(self, tx: Transaction, code: str) -> KnownSession:
        known = await self.sessions.find(tx, codes.digest(code))
        if known is None:
            raise SessionEndedError("session.unknown", "You are signed out. Sign in to go on.")
        return known
