"""People and their memberships in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import errors

from ..domain.identity import Role
from ..domain.people import Membership, Person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Row, Transaction

_PERSON: Final = """
people.id, people.name, people.email, people.password, people.password_set_at,
    people.totp_secret, people.totp_counter, people.is_provider, people.language, people.time_zone
"""
_SAVE: Final = """
update people set name = $2, email = $3, password = $4, password_set_at = $5, totp_secret = $6,
    totp_counter = $7, language = $8, time_zone = $9
where id = $1
"""
_MEMBERSHIP: Final = """
memberships.person, memberships.operator, memberships.role, memberships.created_at,
    operators.name as operator_name
"""
_FIND: Final = f"select {_PERSON} from people"  # noqa: S608 - a constant
_MEMBERSHIPS: Final = f"""
select {_MEMBERSHIP} from memberships
join operators on operators.id = memberships.operator
where memberships.person = $1 and memberships.ended_at is null
order by memberships.created_at, operators.name
"""  # noqa: S608 - a constant
_MEMBERS: Final = f"""
select {_PERSON}, {_MEMBERSHIP} from memberships
join operators on operators.id = memberships.operator
join people on people.id = memberships.person
where memberships.operator = $1 and memberships.ended_at is null
order by memberships.created_at, people.id
"""  # noqa: S608 - a constant
_JOIN: Final = """
insert into memberships (person, operator, role) values ($1, $2, $3)
on conflict (person, operator) do update set role = excluded.role, ended_at = null
"""


class PostgresPersonRegister:
    """Keep people and their memberships."""

    async def add(self, tx: Transaction, person: Person) -> None:
        """Keep a new person.

        Raises:
            ConflictError: the e-mail address is another person's.
        """
        await self._require_free(tx, person)
        await tx.execute("insert into people (id, name) values ($1, $2)", person.id, person.name)
        await self.save(tx, person)

    async def find(self, tx: Transaction, person: str) -> Person | None:
        """Return a person, or None."""
        row = await tx.fetchrow(f"{_FIND} where id = $1", person)
        return _person(row) if row else None

    async def find_by_email(self, tx: Transaction, email: str) -> Person | None:
        """Return the person who signs in with this e-mail address, or None."""
        row = await tx.fetchrow(f"{_FIND} where email = $1", email)
        return _person(row) if row else None

    async def lock(self, tx: Transaction, person: str) -> Person | None:
        """Return a person whom nobody else changes until the transaction ends, or None."""
        row = await tx.fetchrow(f"{_FIND} where id = $1 for update", person)
        return _person(row) if row else None

    async def save(self, tx: Transaction, person: Person) -> None:
        """Write what can change of a person.

        Raises:
            ConflictError: the e-mail address is another person's.
        """
        await self._require_free(tx, person)
        await tx.execute(
            _SAVE,
            person.id,
            person.name,
            person.email,
            person.password,
            person.password_set_at,
            person.totp_secret,
            person.totp_counter,
            person.language,
            person.time_zone,
        )

    async def _require_free(self, tx: Transaction, person: Person) -> None:
        """Raise ConflictError when the e-mail address is another's; nobody takes it meanwhile."""
        if person.email is None:
            return
        await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 5))", person.email)
        other = await self.find_by_email(tx, person.email)
        if other is not None and other.id != person.id:
            reason = "cannot be used here; choose another"
            raise errors.ConflictError(
                "person.email_taken", f"This e-mail address {reason}.", details={"email": reason}
            )

    async def list_memberships(self, tx: Transaction, person: str) -> Sequence[Membership]:
        """Return the memberships of a person that have not ended, oldest first."""
        rows = await tx.fetch(
            _MEMBERSHIPS,
            person,
        )
        return [_membership(row) for row in rows]

    async def lock_operator(self, tx: Transaction, operator: str) -> None:
        """Let nobody else count what an operator has until the transaction ends."""
        await tx.execute("select 1 from operators where id = $1 for no key update", operator)

    async def list_members(
        self, tx: Transaction, operator: str
    ) -> Sequence[tuple[Person, Membership]]:
        """Return who acts for an operator, oldest membership first."""
        rows = await tx.fetch(_MEMBERS, operator)
        return [(_person(row), _membership(row)) for row in rows]

    async def lock_members(
        self, tx: Transaction, operator: str
    ) -> Sequence[tuple[Person, Membership]]:
        """Return the same; nobody else changes the memberships until the transaction ends."""
        rows = await tx.fetch(f"{_MEMBERS} for no key update of memberships", operator)
        return [(_person(row), _membership(row)) for row in rows]

    async def join(self, tx: Transaction, person: str, operator: str, role: Role) -> None:
        """Let a person act for an operator in this role from now on."""
        await tx.execute(_JOIN, person, operator, role.value)

    async def leave(self, tx: Transaction, person: str, operator: str) -> None:
        """End a membership, with the sessions and tokens that stand on it."""
        for change in (
            "update memberships set ended_at = now()",
            "update sessions set ended_at = coalesce(ended_at, now())",
            "update tokens set revoked_at = coalesce(revoked_at, now())",
        ):
            await tx.execute(f"{change} where person = $1 and operator = $2", person, operator)


def _person(row: Row) -> Person:
    return Person(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        password=row["password"],
        password_set_at=row["password_set_at"],
        totp_secret=row["totp_secret"],
        totp_counter=row["totp_counter"],
        is_provider=row["is_provider"],
        language=row["language"],
        time_zone=row["time_zone"],
    )


def _membership(row: Row) -> Membership:
    return Membership(
        person=row["person"],
        operator=row["operator"],
        operator_name=row["operator_name"],
        role=Role(row["role"]),
        created_at=row["created_at"],
    )
