"""Codes that let people in, each once, in PostgreSQL: as digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from shared.database import Row, Transaction

_ADD: Final = """
insert into sign_in_codes (purpose, digest, person, operator, expires_at)
values ($1, $2, $3, $4, $5)
"""
_IS_GOOD: Final = "purpose = $1 and digest = $2 and used_at is null and expires_at > now()"
_USE: Final = f"""
update sign_in_codes set used_at = now() where {_IS_GOOD} returning person, operator
"""  # noqa: S608 - a constant
_FIND: Final = f"select person, operator from sign_in_codes where {_IS_GOOD}"  # noqa: S608 - a constant
_DROP: Final = "delete from sign_in_codes where person = $1 and purpose = $2 and used_at is null"
_FORGET: Final = "delete from sign_in_codes where expires_at < now() - interval '1 day'"
SIGN_IN: Final = "sign_in"
SECOND_FACTOR: Final = "second_factor"


class PostgresCodeRegister:
    """Keep the codes that let people in, each once."""

    async def add(
        self, tx: Transaction, person: str, operator: str, *, digest: bytes, until: datetime
    ) -> None:
        """Keep a code that lets a person in."""
        await tx.execute(_FORGET)
        await tx.execute(_ADD, SIGN_IN, digest, person, operator, until)

    async def use(self, tx: Transaction, digest: bytes) -> tuple[str, str] | None:
        """Use a code up, and return its person and operator; None when it opens nothing."""
        return _owner(await tx.fetchrow(_USE, SIGN_IN, digest))

    async def add_step(
        self, tx: Transaction, person: str, operator: str, *, digest: bytes, until: datetime
    ) -> None:
        """Keep that a person gave the right password, under a code."""
        await tx.execute(_FORGET)
        await tx.execute(_ADD, SECOND_FACTOR, digest, person, operator, until)

    async def find_step(self, tx: Transaction, digest: bytes) -> tuple[str, str] | None:
        """Return person and operator of a code between password and second factor, or None."""
        return _owner(await tx.fetchrow(_FIND, SECOND_FACTOR, digest))

    async def use_step(self, tx: Transaction, digest: bytes) -> bool:
        """Use such a code up; False when it opens nothing any more."""
        return await tx.fetchrow(_USE, SECOND_FACTOR, digest) is not None

    async def drop_steps(self, tx: Transaction, person: str) -> None:
        """Let no such code of a person open anything any more."""
        await tx.execute(_DROP, person, SECOND_FACTOR)

    async def replace_recovery_codes(
        self, tx: Transaction, person: str, digests: Collection[bytes]
    ) -> None:
        """Let these recovery codes be a person's, and no others."""
        await tx.execute("delete from recovery_codes where person = $1", person)
        for digest in digests:
            await tx.execute(
                "insert into recovery_codes (person, digest) values ($1, $2)", person, digest
            )

    async def count_recovery_codes(self, tx: Transaction, person: str) -> int:
        """Return how many recovery codes a person has left."""
        return int(
            await tx.fetchval(
                "select count(1) from recovery_codes where person = $1 and used_at is null", person
            )
        )

    async def use_recovery_code(self, tx: Transaction, person: str, digest: bytes) -> bool:
        """Use a recovery code up; False when it is none of the person's."""
        done = await tx.execute(
            """update recovery_codes set used_at = now()
            where person = $1 and digest = $2 and used_at is null""",
            person,
            digest,
        )
        return done == "UPDATE 1"


def _owner(row: Row | None) -> tuple[str, str] | None:
    return (row["person"], row["operator"]) if row else None
