"""Tokens, sessions, people and the audit trail, as the API asks for them and shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from ...domain.identity import Role, Scope
from ...domain.invitations import Invited
from ...domain.people import Membership, Person
from ...domain.tokens import LONGEST_DAYS, LONGEST_NAME, MadeToken, TokenWish
from .. import access_examples as examples
from .shape import Answer, Question

Scopes = Annotated[tuple[Scope, ...], BeforeValidator(sorted)]


class TokenQuestion(Question):
    """A token that is wanted."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TOKEN_QUESTION]})

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    """What it is for."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    """What it may do: no more than whoever makes it."""
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = 90
    """How long it lasts; never longer than the token that makes it."""

    def wish(self) -> TokenWish:
        """Return what is asked for."""
        return TokenWish(name=self.name, scopes=frozenset(self.scopes), days=self.days)


class TokenAnswer(Answer):
    """A token that was made and not revoked, without what it opens things with."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TOKEN]})

    id: str
    name: str
    person: str
    person_name: str
    scopes: Scopes
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class MadeTokenAnswer(TokenAnswer):
    """A new token."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MADE_TOKEN]})

    token: str
    """Told this once."""

    @classmethod
    def of(cls, made: MadeToken) -> "MadeTokenAnswer":
        """Return how a new token is answered."""
        known = TokenAnswer.model_validate(made.issued).model_dump()
        return cls(**known, token=made.secret)


class SessionAnswer(Answer):
    """Where a person is signed in by browser."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SESSION]})

    id: str
    operator: str
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime
    """When the person last proved who it is."""
    address: str | None
    agent: str | None


class MemberAnswer(Answer):
    """Somebody who acts for the operator."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MEMBER]})

    id: str
    name: str
    email: str | None
    role: Role
    has_password: bool
    has_second_factor: bool
    since: datetime

    @classmethod
    def of(cls, person: Person, membership: Membership) -> "MemberAnswer":
        """Return how a person is answered."""
        return cls(
            id=person.id,
            name=person.name,
            email=person.email,
            role=membership.role,
            has_password=person.has_password,
            has_second_factor=person.has_second_factor,
            since=membership.created_at,
        )


class RoleQuestion(Question):
    """A role that somebody should have."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ROLE_QUESTION]})

    role: Role


class InvitationQuestion(Question):
    """Whom to invite, and for what."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.INVITATION_QUESTION]})

    email: Annotated[str, Field(min_length=1, max_length=254)]
    role: Role


class InvitationAnswer(Answer):
    """An invitation that waits."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.INVITATION]})

    id: str
    email: str
    role: Role
    invited_by: str
    inviter_name: str
    created_at: datetime
    expires_at: datetime


class MadeInvitationAnswer(InvitationAnswer):
    """A new invitation."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MADE_INVITATION]})

    link: str
    """For whom it was made; works once, told this once."""

    @classmethod
    def of(cls, made: Invited, origin: str) -> "MadeInvitationAnswer":
        """Return how a new invitation is answered."""
        known = InvitationAnswer.model_validate(made.invitation).model_dump()
        return cls(**known, link=f"{origin}/invitation#{made.code}")


class AuditAnswer(Answer):
    """One deed, as it was written down."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ENTRY]})

    id: str
    at: datetime
    person: str | None
    person_name: str | None
    """None where the panel, or whoever runs it, did it."""
    token: str | None
    token_name: str | None
    action: str
    object: str
    details: Mapping[str, str]
    address: str | None
    """Where it was asked from: for owners to see."""
    request: str | None


class AnyAuditAnswer(AuditAnswer):
    """One deed for any operator, as the hosting provider sees it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANY_ENTRY]})

    operator: str | None
    """None where it was for nobody in particular."""
    operator_name: str | None
