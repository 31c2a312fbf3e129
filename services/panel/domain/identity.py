"""Who may do what: people act for operators through memberships, programs through tokens."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from shared import errors, ids

from .sentences import N_, say

if TYPE_CHECKING:
    from datetime import datetime

TOKEN_PREFIX: Final = "fdv_"  # noqa: S105 - what secret scanners look for, not a secret
SECRET_CHARACTERS: Final = 52
CHECKSUM_CHARACTERS: Final = 7


class Role(StrEnum):
    """What a person may do for an operator."""

    OWNER = "owner"
    """Everything, including who else may."""
    EDITOR = "editor"
    """Configure and deploy."""
    VIEWER = "viewer"
    """Look, and change nothing."""


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "deployments:read"
    """See the operator's deployments and runs."""
    WRITE = "deployments:write"
    """Configure, deploy and remove."""
    ACCESS = "access"
    """Say who else may do what: people, invitations, tokens, sessions."""
    PROVIDER = "provider"
    """The hosting provider's own affairs, such as dead letters."""


OPERATOR_SCOPES: Final = frozenset({Scope.READ, Scope.WRITE})
"""What an operator's programs need; what concerns other operators as well is not among it."""
SESSION_SCOPES: Final = OPERATOR_SCOPES | {Scope.ACCESS}
"""What a person who has signed in may do, as far as the role allows it."""


class NotSignedInError(errors.ForbiddenError):
    """No valid token came with the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking: a person, for one operator, with a token or in a session."""

    person: str
    person_name: str
    operator: str
    operator_name: str
    role: Role
    token: str | None = None
    session: str | None = None
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    address: str | None = None
    """Where it is asked from."""
    request: str | None = None
    """Id of the request that asks."""

    @property
    def credential(self) -> str:
        """Id of what proves who is asking: the token or the session."""
        found = self.token or self.session
        if found is None:
            raise errors.FaultError(
                "caller.no_credential", "a caller has neither token nor session"
            )
        return found

    def seen_at(self, address: str | None, request: str | None) -> Caller:
        """Return the same caller, asking from a place with a request."""
        return replace(self, address=address, request=request)

    def require(self, scope: Scope) -> None:
        """Raise ForbiddenError unless both token and role allow this."""
        if scope not in self.scopes and self.session is not None:
            raise errors.ForbiddenError(
                "session.scope", "You may not do that: it is for the hosting provider."
            )
        if scope not in self.scopes:
            raise errors.ForbiddenError(
                "token.scope", f"This token may not do that: it lacks the scope {scope.value}."
            )
        if not _allows(self.role, scope):
            raise errors.ForbiddenError(
                "role.insufficient",
                say("Your role, {role}, may not do that.", role=say(_ROLES[self.role])),
            )

    def allows(self, scope: Scope) -> bool:
        """Say whether `require` would let this pass."""
        return scope in self.scopes and _allows(self.role, scope)

    def require_owner(self) -> None:
        """Raise ForbiddenError unless this is an owner, who may say who else may do what."""
        self.require(Scope.ACCESS)
        if self.role is not Role.OWNER:
            raise errors.ForbiddenError(
                "role.not_owner", "Only owners may do that. Ask an owner of this operator."
            )


_ROLES: Final = {
    Role.OWNER: N_("owner"),
    Role.EDITOR: N_("editor"),
    Role.VIEWER: N_("viewer"),
}


def _allows(role: Role, scope: Scope) -> bool:
    match role:
        case Role.OWNER:
            return True
        case Role.EDITOR:
            return scope is not Scope.PROVIDER
        case Role.VIEWER:
            return scope in {Scope.READ, Scope.ACCESS}
        case _:
            assert_never(role)


def new_token() -> str:
    """Return a new token: prefix, 256 random bits, and a checksum that scanners can verify."""
    number = secrets.randbits(SECRET_CHARACTERS * 5)
    secret = _base32(number, SECRET_CHARACTERS)
    return TOKEN_PREFIX + secret + _checksum(secret)


def is_token(text: str) -> bool:
    """Say whether a text has the form of a token, checksum included."""
    secret = text.removeprefix(TOKEN_PREFIX)[:-CHECKSUM_CHARACTERS]
    return text == TOKEN_PREFIX + secret + _checksum(secret) and len(secret) == SECRET_CHARACTERS


def token_digest(token: str) -> bytes:
    """Return what is kept of a token; 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def _checksum(secret: str) -> str:
    return _base32(zlib.crc32(secret.encode()), CHECKSUM_CHARACTERS)


def _base32(number: int, length: int) -> str:
    return "".join(ids.ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token may be used for, and until when."""

    scopes: frozenset[Scope] = OPERATOR_SCOPES
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token about to be kept."""

    person: str
    operator: str
    name: str
    digest: bytes
    scopes: frozenset[Scope]
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownToken:
    """A token that was found, and whether it still opens anything."""

    caller: Caller
    is_expired: bool
    is_revoked: bool

    def admit(self) -> Caller:
        """Return who is asking.

        Raises:
            NotSignedInError: the token is no longer good.
        """
        if self.is_revoked:
            raise NotSignedInError("token.revoked", "This token was revoked. Use another one.")
        if self.is_expired:
            raise NotSignedInError("token.expired", "This token has expired. Make a new one.")
        return self.caller
