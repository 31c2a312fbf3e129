"""API tokens: made for programs, seen by their people and by owners, revoked by either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.happenings import HappeningType

from ..domain import happenings, identity, tokens
from ..domain.identity import NewToken, Role, Scope
from ..domain.records import Deed
from ..domain.sentences import say
from ..domain.tokens import MadeToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.tokens import IssuedToken, TokenWish
    from ..ports import AuditTrail, IdentityRegister
    from ..ports.people import PersonRegister, TokenRegister
    from .happenings import Happenings


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Let programs act for people."""

    identities: IdentityRegister
    issued: TokenRegister
    people: PersonRegister
    clock: Clock
    audit: AuditTrail
    happenings: Happenings

    async def list_tokens(self, tx: Transaction, caller: Caller) -> Sequence[IssuedToken]:
        """Return the person's tokens for the operator, newest first; to owners, everybody's."""
        caller.require(Scope.ACCESS)
        found = await self.issued.list_issued(tx, caller.operator)
        return [it for it in found if caller.role is Role.OWNER or it.person == caller.person]

    async def get(self, tx: Transaction, caller: Caller, token: str) -> IssuedToken:
        """Return one of them."""
        for it in await self.list_tokens(tx, caller):
            if it.id == token:
                return it
        raise errors.NotFoundError("token.not_found", "There is no such token.")

    async def create(self, tx: Transaction, caller: Caller, wish: TokenWish) -> MadeToken:
        """Make a token, which is shown this once; it may do no more than whoever makes it.

        Raises:
            ForbiddenError: the caller may not do all that the token should.
            QuotaExceededError: the person has too many.
        """
        caller.require(Scope.ACCESS)
        wish.require_possible()
        for scope in sorted(wish.scopes):
            caller.require(scope)
        await self.people.lock_operator(tx, caller.operator)
        mine = [it for it in await self.list_tokens(tx, caller) if it.person == caller.person]
        if len(mine) >= tokens.MOST:
            raise errors.QuotaExceededError(
                "token.too_many",
                say(
                    "You have {most} tokens for this operator, and may have no more. Revoke one "
                    "that is not needed.",
                    most=tokens.MOST,
                ),
            )
        secret = identity.new_token()
        expires_at = self.clock.now() + timedelta(days=wish.days)
        if caller.token is not None and caller.expires_at is not None:
            expires_at = min(expires_at, caller.expires_at)
        new = NewToken(
            person=caller.person,
            operator=caller.operator,
            name=wish.name.strip(),
            digest=identity.token_digest(secret),
            scopes=wish.scopes,
            expires_at=expires_at,
        )
        made = await self.identities.add_token(tx, new)
        details = {"name": new.name, "scopes": " ".join(sorted(wish.scopes))}
        await self.audit.record(tx, caller, Deed("token.created", made, details))
        issued = await self.get(tx, caller, made)
        told = happenings.of_token(HappeningType.TOKEN_CREATED, issued, caller.operator)
        await self.happenings.tell(tx, told)
        return MadeToken(issued, secret)

    async def revoke(self, tx: Transaction, caller: Caller, token: str) -> None:
        """Let a token open nothing any more."""
        found = await self.get(tx, caller, token)
        await self.issued.revoke(tx, found.id)
        await self.audit.record(tx, caller, Deed("token.revoked", token, {"name": found.name}))
