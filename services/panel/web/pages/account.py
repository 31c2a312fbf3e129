"""One's own account: profile, password, app for codes, sessions."""

from collections.abc import Sequence
from typing import Annotated, Final

import segno
from fastapi import APIRouter, Form, Response
from markupsafe import Markup
from pydantic import BaseModel, Field

from shared import clock, errors
from shared.database import Transaction

from ...domain import passwords, second_factor
from ...service.accounts import Profile
from ..dependencies import OnceDependency, get_id, see_other
from ..desk import Desk, DeskDependency
from ..languages import N_
from ..languages import gettext as _
from ..presenters import people
from ..presenters.refusals import NONE, REFUSED, Refusal, refusal_of
from ..visitors import KnownDependency, RecentDependency, VisitorDependency

PROFILE: Final = "/account/profile"
SECURITY: Final = "/account/security"
DONE: Final = {
    "password": N_("The password was changed. You are signed out everywhere else."),
    "app": N_("The app was taken away. The password alone signs you in now."),
    "codes": N_("New codes were made, and shown that once. Make others if they got lost."),
    "session": N_("That session has ended."),
    "others": N_("You are signed out everywhere else."),
}
Text = Annotated[str, Field(max_length=1000)]
router = APIRouter(prefix="/account")


class ProfileForm(BaseModel):
    """What the form for the profile sends."""

    name: Text = ""
    email: Text = ""
    language: Text = ""
    time_zone: Text = ""


class NewPasswordForm(BaseModel):
    """What the form for a new password sends."""

    email: Text = ""
    password: Text = ""
    again: Text = ""


class AppForm(BaseModel):
    """What the form for a new app sends."""

    secret: Text = ""
    code: Text = ""


class OperatorForm(BaseModel):
    """What the form for acting for another operator sends."""

    operator: Text = ""


@router.get("")
async def show_account() -> Response:
    """Lead to the first of the pages."""
    return see_other(PROFILE)


@router.get("/profile")
async def show_profile(
    desk: DeskDependency, visitor: VisitorDependency, done: str = ""
) -> Response:
    """Show who the person is, and for whom the person may act."""
    return await _profile(desk, visitor, None, NONE, done=bool(done))


@router.post("/profile")
async def change_profile(
    desk: DeskDependency,
    visitor: VisitorDependency,
    known: KnownDependency,
    form: Annotated[ProfileForm, Form()],
) -> Response:
    """Change it; another e-mail address takes a fresh proof."""
    caller = visitor.caller
    language = form.language if form.language in dict(people.offered_languages()) else ""
    profile = Profile(name=form.name, email=form.email, language=language, time_zone=form.time_zone)
    try:
        async with desk.panel.database.transaction() as tx:
            person = await desk.panel.accounts.get(tx, caller)
            if (person.email or "") != form.email.strip().lower():
                known.session.require_recent(known.now)
        await desk.panel.accounts.change_profile(caller, profile)
    except REFUSED as error:
        refusal = refusal_of(error, "name", "email", "time_zone")
        return await _profile(desk, visitor, profile, refusal)
    return see_other(f"{PROFILE}?done=1")


@router.post("/operator")
async def act_for(
    desk: DeskDependency, visitor: VisitorDependency, form: Annotated[OperatorForm, Form()]
) -> Response:
    """Act for another operator from now on."""
    async with desk.panel.database.transaction() as tx:
        await desk.panel.accounts.act_for(tx, visitor.caller, form.operator)
    return see_other(PROFILE)


@router.get("/security")
async def show_security(
    desk: DeskDependency, visitor: VisitorDependency, done: str = ""
) -> Response:
    """Show what protects the account, and where the person is signed in."""
    caller = visitor.caller
    async with desk.panel.database.transaction() as tx:
        person = await desk.panel.accounts.get(tx, caller)
        found = await desk.panel.sessions.list_sessions(tx, caller)
        left = await desk.panel.accounts.count_recovery_codes(tx, caller)
    return desk.show(
        "account/security.html",
        person=person,
        sessions=[people.present_session(it, caller) for it in found],
        codes_left=left,
        done=DONE.get(done, ""),
        now=clock.system.now(),
    )


@router.get("/password")
async def ask_for_password(desk: DeskDependency, visitor: RecentDependency) -> Response:
    """Ask for a new password."""
    async with desk.panel.database.transaction() as tx:
        person = await desk.panel.accounts.get(tx, visitor.caller)
    return desk.show("account/password.html", email=person.email or "")


@router.post("/password")
async def set_password(
    desk: DeskDependency, visitor: RecentDependency, form: Annotated[NewPasswordForm, Form()]
) -> Response:
    """Choose a new password, with the e-mail address that it goes with."""
    try:
        if form.password != form.again:
            raise _not_the_same()
        password = passwords.read(form.password)
        await desk.panel.accounts.set_password(visitor.caller, password, form.email)
    except (*REFUSED, errors.UnavailableError) as error:
        refusal = refusal_of(error, "password", "again", "email")
        return desk.show("account/password.html", refusal, email=form.email)
    return see_other(f"{SECURITY}?done=password")


@router.get("/app")
async def offer_app(desk: DeskDependency, visitor: RecentDependency) -> Response:
    """Show a new secret for an app to read."""
    return await _app(desk, visitor.caller.person_name, second_factor.new_secret(), NONE)


@router.post("/app")
async def add_app(
    desk: DeskDependency, visitor: RecentDependency, form: Annotated[AppForm, Form()]
) -> Response:
    """Ask for a code of the app from now on, and show the recovery codes."""
    try:
        async with desk.panel.database.transaction() as tx:
            made = await desk.panel.accounts.add_second_factor(
                tx, visitor.caller, form.secret, form.code
            )
    except errors.InvalidError as error:
        refusal = refusal_of(error, "code")
        is_whole = second_factor.SECRET.fullmatch(form.secret) is not None
        secret = form.secret if is_whole else second_factor.new_secret()
        return await _app(desk, visitor.caller.person_name, secret, refusal)
    return _codes(desk, made)


@router.get("/app/remove")
async def ask_about_app(desk: DeskDependency, _visitor: RecentDependency) -> Response:
    """Say what it means to take the app away."""
    return desk.show("account/remove_app.html")


@router.post("/app/remove")
async def remove_app(desk: DeskDependency, visitor: RecentDependency) -> Response:
    """Ask for the password alone from now on."""
    async with desk.panel.database.transaction() as tx:
        await desk.panel.accounts.remove_second_factor(tx, visitor.caller)
    return see_other(f"{SECURITY}?done=app")


@router.get("/recovery-codes")
async def ask_about_codes(desk: DeskDependency, visitor: RecentDependency) -> Response:
    """Say that the codes there are end with new ones, and ask whether those are wanted."""
    async with desk.panel.database.transaction() as tx:
        person = await desk.panel.accounts.get(tx, visitor.caller)
    if not person.has_second_factor:
        return see_other(SECURITY)
    return desk.show("account/new_codes.html")


@router.post("/recovery-codes")
async def renew_codes(desk: DeskDependency, once: OnceDependency, _: RecentDependency) -> Response:
    """Make new recovery codes, and show them; once, however often the form is sent."""

    async def work(tx: Transaction) -> tuple[str, Sequence[str]]:
        made = await once.panel.accounts.renew_recovery_codes(tx, once.caller)
        return f"{SECURITY}?done=codes", made

    location, made = await once.make(work)
    return see_other(location) if made is None else _codes(desk, made)


@router.post("/sessions/end-others")
async def end_others(desk: DeskDependency, visitor: VisitorDependency) -> Response:
    """Sign out everywhere else."""
    async with desk.panel.database.transaction() as tx:
        await desk.panel.sessions.end_others(tx, visitor.caller)
    return see_other(f"{SECURITY}?done=others")


@router.post("/sessions/{session}/end")
async def end_session(desk: DeskDependency, visitor: VisitorDependency, session: str) -> Response:
    """End one session."""
    async with desk.panel.database.transaction() as tx:
        await desk.panel.sessions.end(tx, visitor.caller, get_id(session))
    return see_other(f"{SECURITY}?done=session")


async def _profile(
    desk: Desk,
    visitor: VisitorDependency,
    form: Profile | None,
    refusal: Refusal,
    *,
    done: bool = False,
) -> Response:
    async with desk.panel.database.transaction() as tx:
        person = await desk.panel.accounts.get(tx, visitor.caller)
        memberships = await desk.panel.accounts.list_memberships(tx, visitor.caller)
    kept = Profile(
        name=person.name,
        email=person.email or "",
        language=person.language or "",
        time_zone=person.time_zone or "",
    )
    return desk.show(
        "account/profile.html",
        refusal,
        form=form or kept,
        languages=people.offered_languages(),
        zones=people.offered_zones(),
        memberships=memberships,
        current=visitor.caller.operator,
        roles=people.ROLES,
        done=done,
    )


async def _app(desk: Desk, person: str, secret: str, refusal: Refusal) -> Response:
    host = desk.request.url.hostname or ""
    link = second_factor.link(secret, person=person, provider=host)
    drawing = segno.make(link, micro=False).svg_inline(scale=5, border=3, light="white")
    return desk.show(
        "account/app.html",
        refusal,
        secret=secret,
        drawing=Markup(drawing),  # noqa: S704 - made of squares by segno
    )


def _codes(desk: Desk, made: Sequence[str]) -> Response:
    return desk.show("account/recovery_codes.html", codes=made)


def _not_the_same() -> errors.InvalidError:
    reason = _("The two passwords are not the same. Type them again.")
    return errors.InvalidError("password.not_same", reason, details={"again": reason})
