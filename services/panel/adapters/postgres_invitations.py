"""Invitations in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..domain.identity import Role
from ..domain.invitations import Invitation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Row, Transaction

    from ..domain.invitations import NewInvitation

_INVITATION: Final = """
select invitations.id, invitations.operator, operators.name as operator_name, invitations.role,
    invitations.email, invitations.invited_by, people.name as inviter_name,
    invitations.created_at, invitations.expires_at
from invitations
join operators on operators.id = invitations.operator
join people on people.id = invitations.invited_by
where invitations.accepted_at is null and invitations.revoked_at is null
    and invitations.expires_at > now()
    and exists (
        select from memberships
        where memberships.person = invitations.invited_by
            and memberships.operator = invitations.operator
            and memberships.role = 'owner' and memberships.ended_at is null
    )
"""


class PostgresInvitationRegister:
    """Keep invitations."""

    async def add(self, tx: Transaction, invitation: NewInvitation) -> None:
        """Keep a new invitation."""
        await tx.execute(
            """insert into invitations (id, operator, role, email, digest, invited_by, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7)""",
            invitation.id,
            invitation.operator,
            invitation.role.value,
            invitation.email,
            invitation.digest,
            invitation.invited_by,
            invitation.expires_at,
        )

    async def list_open(self, tx: Transaction, operator: str) -> Sequence[Invitation]:
        """Return an operator's invitations that still wait, newest first.

        None waits when whoever invited is no owner any more.
        """
        rows = await tx.fetch(
            f"{_INVITATION} and invitations.operator = $1 order by invitations.id desc", operator
        )
        return [_invitation(row) for row in rows]

    async def find_open(self, tx: Transaction, digest: bytes) -> Invitation | None:
        """Return the invitation with this digest if it still waits, locked, or None."""
        row = await tx.fetchrow(
            f"{_INVITATION} and invitations.digest = $1 for update of invitations", digest
        )
        return _invitation(row) if row else None

    async def accept(self, tx: Transaction, invitation: str, person: str) -> None:
        """Record that a person accepted an invitation."""
        await tx.execute(
            "update invitations set accepted_at = now(), accepted_by = $2 where id = $1",
            invitation,
            person,
        )

    async def revoke(self, tx: Transaction, operator: str, invitation: str) -> bool:
        """Take an invitation back; False when none of the operator's waits under this id."""
        done = await tx.execute(
            """update invitations set revoked_at = now() where id = $1 and operator = $2
                and accepted_at is null and revoked_at is null""",
            invitation,
            operator,
        )
        return done == "UPDATE 1"

    async def revoke_of(self, tx: Transaction, operator: str, person: str) -> None:
        """Take back whatever a person invited others to for an operator."""
        await tx.execute(
            """update invitations set revoked_at = now() where operator = $1 and invited_by = $2
                and accepted_at is null and revoked_at is null""",
            operator,
            person,
        )


def _invitation(row: Row) -> Invitation:
    return Invitation(
        id=row["id"],
        operator=row["operator"],
        operator_name=row["operator_name"],
        role=Role(row["role"]),
        email=row["email"],
        invited_by=row["invited_by"],
        inviter_name=row["inviter_name"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
