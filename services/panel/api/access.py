"""Tokens, sessions, people and invitations: who may do what."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import AfterValidator

from . import access_examples as examples
from . import examples as general
from . import problems
from .credentials import refuse_key
from .dependencies import PREFIX, CallerDependency, PanelDependency, get_id
from .schemas.access import (
    InvitationAnswer,
    InvitationQuestion,
    MadeInvitationAnswer,
    MadeTokenAnswer,
    MemberAnswer,
    RoleQuestion,
    SessionAnswer,
    TokenAnswer,
    TokenQuestion,
)
from .schemas.shape import ListAnswer

router = APIRouter(tags=["access"])
Token = Annotated[str, AfterValidator(get_id), Path(examples=[examples.TOKEN_ID])]
Session = Annotated[str, AfterValidator(get_id), Path(examples=[examples.SESSION_ID])]
Person = Annotated[str, AfterValidator(get_id), Path(examples=[general.PERSON_ID])]
Invitation = Annotated[str, AfterValidator(get_id), Path(examples=[examples.INVITATION_ID])]


@router.get("/tokens", operation_id="listTokens", responses=problems.LOOKING)
async def list_tokens(panel: PanelDependency, caller: CallerDependency) -> ListAnswer[TokenAnswer]:
    """List your tokens for the operator, newest first; to owners, everybody's."""
    async with panel.database.transaction() as tx:
        found = await panel.tokens.list_tokens(tx, caller)
    return ListAnswer(items=tuple(TokenAnswer.model_validate(it) for it in found), next=None)


@router.post(
    "/tokens",
    operation_id="createToken",
    status_code=201,
    responses=problems.CHANGING,
    dependencies=[Depends(refuse_key)],
)
async def create_token(
    body: TokenQuestion, panel: PanelDependency, caller: CallerDependency, response: Response
) -> MadeTokenAnswer:
    """Make a token that may do no more than yours, and ends no later; it is told this once."""
    async with panel.database.transaction() as tx:
        made = await panel.tokens.create(tx, caller, body.wish())
    response.headers["Location"] = f"{PREFIX}/tokens/{made.issued.id}"
    return MadeTokenAnswer.of(made)


@router.get("/tokens/{token}", operation_id="getToken", responses=problems.LOOKING)
async def get_token(token: Token, panel: PanelDependency, caller: CallerDependency) -> TokenAnswer:
    """Show a token: what it may do, until when, and when it was last used."""
    async with panel.database.transaction() as tx:
        return TokenAnswer.model_validate(await panel.tokens.get(tx, caller, token))


@router.delete(
    "/tokens/{token}", operation_id="revokeToken", status_code=204, responses=problems.CHANGING
)
async def revoke_token(token: Token, panel: PanelDependency, caller: CallerDependency) -> None:
    """Let a token open nothing any more, at once."""
    async with panel.database.transaction() as tx:
        await panel.tokens.revoke(tx, caller, token)


@router.get("/sessions", operation_id="listSessions", responses=problems.LOOKING)
async def list_sessions(
    panel: PanelDependency, caller: CallerDependency
) -> ListAnswer[SessionAnswer]:
    """List where you are signed in by browser, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.sessions.list_sessions(tx, caller)
    return ListAnswer(items=tuple(SessionAnswer.model_validate(it) for it in found), next=None)


@router.delete(
    "/sessions", operation_id="endSessions", status_code=204, responses=problems.CHANGING
)
async def end_sessions(panel: PanelDependency, caller: CallerDependency) -> None:
    """Sign yourself out of every browser."""
    async with panel.database.transaction() as tx:
        await panel.sessions.end_others(tx, caller)


@router.delete(
    "/sessions/{session}", operation_id="endSession", status_code=204, responses=problems.CHANGING
)
async def end_session(session: Session, panel: PanelDependency, caller: CallerDependency) -> None:
    """Sign yourself out of one browser."""
    async with panel.database.transaction() as tx:
        await panel.sessions.end(tx, caller, session)


@router.get("/people", operation_id="listPeople", responses=problems.LOOKING)
async def list_people(panel: PanelDependency, caller: CallerDependency) -> ListAnswer[MemberAnswer]:
    """List who acts for the operator, longest first."""
    async with panel.database.transaction() as tx:
        circle = await panel.people.list_circle(tx, caller)
    return ListAnswer(items=tuple(MemberAnswer.of(*it) for it in circle.members), next=None)


@router.put(
    "/people/{person}/role",
    operation_id="changeRole",
    status_code=204,
    responses=problems.CHANGING,
)
async def change_role(
    person: Person, body: RoleQuestion, panel: PanelDependency, caller: CallerDependency
) -> None:
    """Let somebody act in another role; an operator always has an owner."""
    async with panel.database.transaction() as tx:
        await panel.people.change_role(tx, caller, person, body.role)


@router.delete(
    "/people/{person}", operation_id="removePerson", status_code=204, responses=problems.CHANGING
)
async def remove_person(person: Person, panel: PanelDependency, caller: CallerDependency) -> None:
    """Let somebody act for the operator no longer; sessions and tokens for it end at once."""
    async with panel.database.transaction() as tx:
        await panel.people.remove(tx, caller, person)


@router.get("/invitations", operation_id="listInvitations", responses=problems.LOOKING)
async def list_invitations(
    panel: PanelDependency, caller: CallerDependency
) -> ListAnswer[InvitationAnswer]:
    """List the invitations that wait, newest first; for owners."""
    caller.require_owner()
    async with panel.database.transaction() as tx:
        circle = await panel.people.list_circle(tx, caller)
    items = tuple(InvitationAnswer.model_validate(it) for it in circle.invitations)
    return ListAnswer(items=items, next=None)


@router.post(
    "/invitations",
    operation_id="createInvitation",
    status_code=201,
    responses=problems.CHANGING,
    dependencies=[Depends(refuse_key)],
)
async def create_invitation(
    body: InvitationQuestion, panel: PanelDependency, caller: CallerDependency, request: Request
) -> MadeInvitationAnswer:
    """Invite somebody; the link works once, for a week, and is told this once."""
    async with panel.database.transaction() as tx:
        made = await panel.people.invite(tx, caller, body.email, body.role)
    return MadeInvitationAnswer.of(made, str(request.base_url).rstrip("/"))


@router.delete(
    "/invitations/{invitation}",
    operation_id="revokeInvitation",
    status_code=204,
    responses=problems.CHANGING,
)
async def revoke_invitation(
    invitation: Invitation, panel: PanelDependency, caller: CallerDependency
) -> None:
    """Take an invitation back."""
    async with panel.database.transaction() as tx:
        await panel.people.revoke_invitation(tx, caller, invitation)
