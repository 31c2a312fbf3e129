"""People, operators and tokens in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import ids

from ..domain.identity import Caller, KnownToken, Role, Scope

if TYPE_CHECKING:
    from shared.database import Transaction

    from ..domain.identity import NewToken
    from ..domain.records import Deed

_FIND: Final = """
select tokens.id, tokens.person, people.name as person_name, tokens.operator,
    operators.name as operator_name, memberships.role, tokens.scopes, tokens.expires_at,
    tokens.expires_at is not null and tokens.expires_at <= now() as is_expired,
    tokens.revoked_at is not null or memberships.ended_at is not null as is_revoked
from tokens
join people on people.id = tokens.person
join operators on operators.id = tokens.operator
join memberships on memberships.person = tokens.person
    and memberships.operator = tokens.operator
where tokens.digest = $1
"""
_FIRST_OWNER: Final = """
select memberships.person, memberships.operator from memberships
join operators on operators.id = memberships.operator
where operators.name = $1 and memberships.role = $2 and memberships.ended_at is null
order by memberships.created_at, memberships.person limit 1
"""
# Once a minute is enough to see that a token is in use, and spares a write per request.
_TOUCH: Final = """
update tokens set last_used_at = now()
where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')
"""


class PostgresIdentityRegister:
    """Know people, operators and tokens."""

    async def add_operator(self, tx: Transaction, name: str) -> str:
        """Return the operator of this name, made if there is none."""
        await tx.execute(
            "insert into operators (id, name) values ($1, $2) on conflict (name) do nothing",
            ids.new_id(),
            name,
        )
        return str(await tx.fetchval("select id from operators where name = $1", name))

    async def add_owner(self, tx: Transaction, operator: str, name: str) -> str:
        """Make a person who owns the operator, and return the person's id."""
        person = ids.new_id()
        await tx.execute("insert into people (id, name) values ($1, $2)", person, name)
        await tx.execute(
            "insert into memberships (person, operator, role) values ($1, $2, $3)",
            person,
            operator,
            Role.OWNER.value,
        )
        return person

    async def appoint_provider(self, tx: Transaction, person: str) -> None:
        """Let a person act for the hosting provider as well."""
        await tx.execute("update people set is_provider = true where id = $1", person)

    async def find_first_owner(self, tx: Transaction, operator: str) -> tuple[str, str] | None:
        """Return the longest owner of the operator of this name, and the operator, or None."""
        row = await tx.fetchrow(_FIRST_OWNER, operator, Role.OWNER.value)
        return (row["person"], row["operator"]) if row else None

    async def add_token(self, tx: Transaction, token: NewToken) -> str:
        """Keep the digest of a token, and return the token's id."""
        new = ids.new_id()
        await tx.execute(
            """insert into tokens (id, person, operator, name, digest, scopes, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7)""",
            new,
            token.person,
            token.operator,
            token.name,
            token.digest,
            sorted(scope.value for scope in token.scopes),
            token.expires_at,
        )
        return new

    async def find_token(self, tx: Transaction, digest: bytes) -> KnownToken | None:
        """Return the token with this digest, in whatever condition it is."""
        row = await tx.fetchrow(_FIND, digest)
        if row is None:
            return None
        await tx.execute(_TOUCH, row["id"])
        caller = Caller(
            person=row["person"],
            person_name=row["person_name"],
            operator=row["operator"],
            operator_name=row["operator_name"],
            role=Role(row["role"]),
            token=row["id"],
            scopes=frozenset(Scope(it) for it in row["scopes"]),
            expires_at=row["expires_at"],
        )
        return KnownToken(caller=caller, is_expired=row["is_expired"], is_revoked=row["is_revoked"])


class PostgresAuditTrail:
    """Keep who did what, append-only."""

    async def record(self, tx: Transaction, caller: Caller | None, deed: Deed) -> None:
        """Write down one deed."""
        await tx.execute(
            """insert into audit (id, person, token, session, operator, address, request, action,
                object, details)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
            ids.new_id(),
            caller.person if caller else None,
            caller.token if caller else None,
            caller.session if caller else None,
            caller.operator if caller else None,
            caller.address if caller else None,
            caller.request if caller else None,
            deed.action,
            deed.object,
            dict(deed.details),
        )
