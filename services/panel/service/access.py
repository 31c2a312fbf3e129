"""Access: the first person of an operator, and who stands behind a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors

from ..domain import codes, identity
from ..domain.codes import Kind
from ..domain.identity import NewToken, NotSignedInError, Scope
from ..domain.records import Deed

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.identity import Caller, Grant
    from ..ports import AuditTrail, IdentityRegister
    from ..ports.people import CodeRegister


FIRST_CODE: Final = timedelta(hours=24)
"""How long the first person has to sign in for the first time."""


@dataclass(frozen=True, slots=True)
class FirstPerson:
    """What opens the panel to its first person."""

    token: str = field(repr=False)
    code: str = field(repr=False)
    """Signs in once, by browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Let people in."""

    identities: IdentityRegister
    codes: CodeRegister
    clock: Clock
    audit: AuditTrail

    async def create_admin(
        self, tx: Transaction, operator: str, person: str, grant: Grant
    ) -> FirstPerson:
        """Make operator, person, membership and token; what it returns nobody can find again."""
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
        if Scope.PROVIDER in grant.scopes:
            await self.identities.appoint_provider(tx, owner)
        await self.audit.record(tx, None, Deed("person.created", owner, {"operator": operator}))
        code = await self._add_code(tx, owner, owner_of, FIRST_CODE)
        return FirstPerson(token, code)

    async def make_code(self, tx: Transaction, operator: str, length: timedelta) -> str:
        """Return a code that signs in an operator's first owner, once.

        Raises:
            NotFoundError: there is no such operator.
        """
        found = await self.identities.find_first_owner(tx, operator)
        if found is None:
            raise errors.NotFoundError(
                "operator.not_found",
                f"There is no operator {operator}, or nobody owns it; create-admin makes both.",
            )
        return await self._add_code(tx, *found, length)

    async def _add_code(
        self, tx: Transaction, person: str, operator: str, length: timedelta
    ) -> str:
        code = codes.new(Kind.SIGN_IN)
        until = self.clock.now() + length
        await self.codes.add(tx, person, operator, digest=codes.digest(code), until=until)
        await self.audit.record(tx, None, Deed("sign_in_code.made", person))
        return code

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
