"""Invitations as those see them who were invited."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from shared import errors

from ...domain import passwords
from ...domain.identity import NotSignedInError
from ...service.people import Newcomer
from ..dependencies import see_other
from ..desk import Desk, DeskDependency
from ..places import HOME
from ..presenters import people
from ..presenters.refusals import NONE, REFUSED, Refusal, refusal_of
from ..visitors import VisitorDependency, get_known, get_visitor

INVITATION: Final = "/invitation"
Text = Annotated[str, Field(max_length=1000)]
router = APIRouter(prefix=INVITATION)


class InvitedForm(BaseModel):
    """What the forms of an invitation send."""

    code: Text = ""
    name: Text = ""
    email: Text = ""
    password: Text = ""


@router.get("")
async def show_invitation(desk: DeskDependency) -> Response:
    """Offer to open an invitation, whose code only the browser has so far."""
    return _ask(desk, NONE)


@router.post("")
async def open_invitation(desk: DeskDependency, form: Annotated[InvitedForm, Form()]) -> Response:
    """Say who invites, and ask how to join."""
    return await _open(desk, form, NONE)


@router.post("/join")
async def join(
    desk: DeskDependency, visitor: VisitorDependency, form: Annotated[InvitedForm, Form()]
) -> Response:
    """Let whoever is signed in act for the operator that invites, at once."""
    try:
        async with desk.panel.database.transaction() as tx:
            found = await desk.panel.people.join(tx, visitor.caller, form.code)
            await desk.panel.accounts.act_for(tx, visitor.caller, found.operator)
    except (errors.InvalidError, errors.ConflictError) as error:
        return _ask(desk, refusal_of(error, "code"))
    return see_other(HOME)


@router.post("/accept")
async def accept(desk: DeskDependency, form: Annotated[InvitedForm, Form()]) -> Response:
    """Make a login for somebody who has none, and sign in."""
    newcomer = Newcomer(name=form.name, email=form.email, password=passwords.read(form.password))
    try:
        begun = await desk.panel.people.join_as(form.code, newcomer, desk.client)
    except (*REFUSED, errors.UnavailableError) as error:
        return await _open(desk, form, refusal_of(error, "name", "email", "password"))
    return desk.welcome(begun, HOME)


def _ask(desk: Desk, refusal: Refusal) -> Response:
    return desk.show("people/invitation.html", refusal, invitation=None)


async def _open(desk: Desk, form: InvitedForm, refusal: Refusal) -> Response:
    try:
        known = await get_known(desk.request, desk.client)
        await get_visitor(desk.request, known, desk.client)
    except NotSignedInError:
        pass  # most who are invited have no login yet
    try:
        async with desk.panel.database.transaction() as tx:
            found = await desk.panel.people.find_invitation(tx, form.code)
    except errors.InvalidError as error:
        return _ask(desk, refusal_of(error, "code"))
    return desk.show(
        "people/invitation.html",
        refusal,
        invitation=found,
        code=form.code,
        form=form,
        explained=people.EXPLAINED,
    )
