"""Sessions in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..domain.identity import SESSION_SCOPES, Caller, Role, Scope
from ..domain.sessions import IDLE, LONGEST, KnownSession, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Row, Transaction

    from ..domain.sessions import NewSession

_FIND: Final = """
select sessions.id, sessions.person, sessions.operator, sessions.created_at, sessions.seen_at,
    sessions.confirmed_at, sessions.address, sessions.agent,
    sessions.ended_at is not null or memberships.ended_at is not null as is_ended,
    people.name as person_name, people.is_provider,
    people.language, people.time_zone, operators.name as operator_name,
    memberships.role, now() as now
from sessions
join people on people.id = sessions.person
join operators on operators.id = sessions.operator
join memberships on memberships.person = sessions.person
    and memberships.operator = sessions.operator
where sessions.digest = $1
"""
# Once in a while is enough to tell use from none, and spares a write per request.
_TOUCH: Final = """
update sessions set seen_at = now() where id = $1 and seen_at < now() - interval '30 seconds'
"""


class PostgresSessionRegister:
    """Keep sessions."""

    async def add(self, tx: Transaction, session: NewSession) -> None:
        """Keep a new session."""
        await tx.execute(
            """insert into sessions (id, person, operator, digest, address, agent)
            values ($1, $2, $3, $4, $5, $6)""",
            session.id,
            session.person,
            session.operator,
            session.digest,
            session.client.address,
            session.client.agent,
        )

    async def find(self, tx: Transaction, digest: bytes) -> KnownSession | None:
        """Return the session with this digest, in whatever condition it is."""
        row = await tx.fetchrow(_FIND, digest)
        if row is None:
            return None
        more = {Scope.PROVIDER} if row["is_provider"] else set()
        caller = Caller(
            person=row["person"],
            person_name=row["person_name"],
            operator=row["operator"],
            operator_name=row["operator_name"],
            role=Role(row["role"]),
            session=row["id"],
            scopes=SESSION_SCOPES | more,
            expires_at=row["created_at"] + LONGEST,
        )
        return KnownSession(
            session=_session(row),
            caller=caller,
            is_ended=row["is_ended"],
            is_provider=row["is_provider"],
            language=row["language"],
            time_zone=row["time_zone"],
            now=row["now"],
        )

    async def touch(self, tx: Transaction, session: str) -> None:
        """Record that something was asked for in a session just now."""
        await tx.execute(_TOUCH, session)

    async def list_open(self, tx: Transaction, person: str) -> Sequence[Session]:
        """Return the sessions of a person that have not ended, newest first."""
        rows = await tx.fetch(
            """select id, person, operator, created_at, seen_at, confirmed_at, address, agent
            from sessions where person = $1 and ended_at is null
                and seen_at > now() - $2::interval and created_at > now() - $3::interval
            order by id desc""",
            person,
            IDLE,
            LONGEST,
        )
        return [_session(row) for row in rows]

    async def confirm(self, tx: Transaction, session: str) -> None:
        """Record that the person of a session proved who it is just now."""
        await tx.execute("update sessions set confirmed_at = now() where id = $1", session)

    async def switch(self, tx: Transaction, session: str, operator: str) -> None:
        """Let a session act for another operator of its person."""
        await tx.execute("update sessions set operator = $2 where id = $1", session, operator)

    async def end(self, tx: Transaction, person: str, session: str) -> bool:
        """End one session of a person; False when there is no such open session."""
        done = await tx.execute(
            """update sessions set ended_at = now()
            where id = $1 and person = $2 and ended_at is null""",
            session,
            person,
        )
        return done == "UPDATE 1"

    async def end_all(self, tx: Transaction, person: str, *, but: str | None = None) -> int:
        """End all sessions of a person but one, and return how many those were."""
        rows = await tx.fetch(
            """update sessions set ended_at = now()
            where person = $1 and ended_at is null and id is distinct from $2 returning id""",
            person,
            but,
        )
        return len(rows)


def _session(row: Row) -> Session:
    return Session(
        id=row["id"],
        person=row["person"],
        operator=row["operator"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        confirmed_at=row["confirmed_at"],
        address=row["address"],
        agent=row["agent"],
    )
