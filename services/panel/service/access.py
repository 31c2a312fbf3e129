"""Access: the first person of an operator, and who stands behind a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain import identity
from ..domain.identity import NewToken, NotSignedInError
from ..domain.records import Deed

if TYPE_CHECKING:
    from shared.database import Transaction

    from ..domain.identity import Caller, Grant
    from ..ports import AuditTrail, IdentityRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Let people in."""

    identities: IdentityRegister
    audit: AuditTrail

    async def create_admin(self, tx: Transaction, operator: str, person: str, grant: Grant) -> str:
        """Make operator, person, membership and token, and return the token: nobody can again."""
        owner_of = await self.identities.add_operator(tx, operator)
        owner = await self.identities.add_owner(tx, owner_of, person)
        token = identity.new_token()
        kept = NewToken(
            person=owner,
            operator=owner_of,
            name="first token",
            digest=identity.token_digest(token),
            scopes=grant.scopes,
            expires_at=grant.expires_at,
        )
        await self.identities.add_token(tx, kept)
        await self.audit.record(tx, None, Deed("person.created", owner, {"operator": operator}))
        return token

    async def authenticate(self, tx: Transaction, token: str | None) -> Caller:
        """Return who is asking.

        Raises:
            NotSignedInError: no token, or none that is good.
        """
        if not token:
            raise NotSignedInError("token.missing", "Send a token: Authorization: Bearer fdv_….")
        known = (
            await self.identities.find_token(tx, identity.token_digest(token))
            if identity.is_token(token)
            else None
        )
        if known is None:
            raise NotSignedInError("token.unknown", "This token is not known here.")
        return known.admit()
