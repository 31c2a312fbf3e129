"""API tokens in PostgreSQL, as people see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.identity import Scope
from ..domain.tokens import IssuedToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction


class PostgresTokenRegister:
    """Keep API tokens."""

    async def list_issued(self, tx: Transaction, operator: str) -> Sequence[IssuedToken]:
        """Return the tokens for an operator that were not revoked, newest first."""
        rows = await tx.fetch(
            """select tokens.id, tokens.person, people.name as person_name, tokens.name,
                tokens.scopes, tokens.created_at, tokens.expires_at, tokens.last_used_at
            from tokens join people on people.id = tokens.person
            where tokens.operator = $1 and tokens.revoked_at is null order by tokens.id desc""",
            operator,
        )
        return [
            IssuedToken(
                id=row["id"],
                person=row["person"],
                person_name=row["person_name"],
                name=row["name"],
                scopes=frozenset(Scope(it) for it in row["scopes"]),
                created_at=row["created_at"],
                expires_at=row["expires_at"],
                last_used_at=row["last_used_at"],
            )
            for row in rows
        ]

    async def revoke(self, tx: Transaction, token: str) -> None:
        """Let a token open nothing any more."""
        await tx.execute("update tokens set revoked_at = now() where id = $1", token)
