"""People: who acts for the operator, invitations, roles."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from shared import errors

from ...domain.identity import Role
from ...domain.invitations import Invited
from ..dependencies import get_id, see_other
from ..desk import Desk, DeskDependency
from ..languages import N_
from ..presenters import people
from ..presenters.people import Member
from ..presenters.refusals import NONE, Refusal, refusal_of
from ..visitors import RecentDependency, Visitor, VisitorDependency, forget

PEOPLE: Final = "/people"
DONE: Final = {
    "role": N_("The role was changed. It counts at once."),
    "removed": N_("That person acts for this operator no longer."),
    "revoked": N_("The invitation was taken back. Its link opens nothing any more."),
}
router = APIRouter(prefix=PEOPLE)


class InvitationForm(BaseModel):
    """What the form for an invitation sends."""

    email: str = Field(default="", max_length=1000)
    role: Role = Role.EDITOR


class RoleForm(BaseModel):
    """What the form for another role sends."""

    role: Role


@router.get("")
async def list_people(desk: DeskDependency, visitor: VisitorDependency, done: str = "") -> Response:
    """Show who acts for the operator."""
    return await _list(desk, visitor, done=DONE.get(done, ""))


@router.get("/invite")
async def ask_whom(desk: DeskDependency, visitor: RecentDependency) -> Response:
    """Ask whom to invite."""
    visitor.caller.require_owner()
    return _invite(desk, InvitationForm(), NONE)


@router.post("/invitations")
async def invite(
    desk: DeskDependency, visitor: RecentDependency, form: Annotated[InvitationForm, Form()]
) -> Response:
    """Make an invitation, and show its link this once."""
    try:
        async with desk.panel.database.transaction() as tx:
            made = await desk.panel.people.invite(tx, visitor.caller, form.email, form.role)
    except (errors.InvalidError, errors.QuotaExceededError) as error:
        return _invite(desk, form, refusal_of(error, "email"))
    return await _list(desk, visitor, made)


@router.post("/invitations/{invitation}/revoke")
async def revoke_invitation(
    desk: DeskDependency, visitor: VisitorDependency, invitation: str
) -> Response:
    """Take an invitation back."""
    async with desk.panel.database.transaction() as tx:
        await desk.panel.people.revoke_invitation(tx, visitor.caller, get_id(invitation))
    return see_other(f"{PEOPLE}?done=revoked")


@router.get("/invitations")
async def lead_to_invitation() -> Response:
    """Lead from where an invitation is asked for to the form that asks for it."""
    return see_other(f"{PEOPLE}/invite")


@router.get("/{person}")
async def show_person(desk: DeskDependency, visitor: VisitorDependency, person: str) -> Response:
    """Show what can be changed about somebody."""
    return await _show(desk, visitor, get_id(person), NONE)


@router.post("/{person}/role")
async def change_role(
    desk: DeskDependency, visitor: RecentDependency, person: str, form: Annotated[RoleForm, Form()]
) -> Response:
    """Let somebody act in another role."""
    try:
        async with desk.panel.database.transaction() as tx:
            await desk.panel.people.change_role(tx, visitor.caller, get_id(person), form.role)
    except errors.ConflictError as error:
        return await _show(desk, visitor, person, refusal_of(error, "role"))
    return see_other(f"{PEOPLE}?done=role")


@router.post("/{person}/remove")
async def remove(desk: DeskDependency, visitor: RecentDependency, person: str) -> Response:
    """Let somebody act for the operator no longer."""
    try:
        async with desk.panel.database.transaction() as tx:
            await desk.panel.people.remove(tx, visitor.caller, get_id(person))
    except errors.ConflictError as error:
        return await _show(desk, visitor, person, refusal_of(error))
    if person != visitor.caller.person:
        return see_other(f"{PEOPLE}?done=removed")
    answer = see_other("/sign-in?because=out")
    forget(answer)
    return answer


def _invite(desk: Desk, form: InvitationForm, refusal: Refusal) -> Response:
    return desk.show(
        "people/invite.html",
        refusal,
        email=form.email,
        role=form.role.value,
        choices=people.choices_of_role(),
    )


async def _list(
    desk: Desk, visitor: Visitor, invited: Invited | None = None, *, done: str = ""
) -> Response:
    caller = visitor.caller
    async with desk.panel.database.transaction() as tx:
        circle = await desk.panel.people.list_circle(tx, caller)
    origin = str(desk.request.base_url).rstrip("/")
    return desk.show(
        "people/list.html",
        members=[people.present_member(*it, caller) for it in circle.members],
        invitations=circle.invitations,
        is_owner=caller.role is Role.OWNER,
        roles=people.ROLES,
        invited=invited.invitation if invited else None,
        link=f"{origin}/invitation#{invited.code}" if invited else "",
        done=done,
    )


async def _show(desk: Desk, visitor: Visitor, person: str, refusal: Refusal) -> Response:
    caller = visitor.caller
    async with desk.panel.database.transaction() as tx:
        circle = await desk.panel.people.list_circle(tx, caller)
    members = [people.present_member(*it, caller) for it in circle.members]
    member = next((it for it in members if it.id == person and _may_change(it, visitor)), None)
    if member is None:
        raise errors.NotFoundError("membership.not_found", "There is nobody like that here.")
    return desk.show(
        "people/person.html",
        refusal,
        member=member,
        is_owner=caller.role is Role.OWNER,
        choices=people.choices_of_role(),
    )


def _may_change(member: Member, visitor: Visitor) -> bool:
    return member.is_me or visitor.caller.role is Role.OWNER
