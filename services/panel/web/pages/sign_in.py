"""Signing in, proving it again, and signing out."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from shared import errors

from ...domain import passwords
from ...service.sessions import Begun
from ...service.sign_in import Proof
from ..dependencies import see_other
from ..desk import Desk, DeskDependency
from ..places import CONFIRM, SIGN_IN, leading_to, own_path
from ..presenters.refusals import NONE, refusal_of
from ..visitors import Visitor, VisitorDependency, forget
from ..ways import ways_of

STEP_COOKIE: Final = "__Host-step"
STEP_SECONDS: Final = 600
CODE: Final = f"{SIGN_IN}/code"
ONCE: Final = f"{SIGN_IN}/once"
Goal = Annotated[str, Query(alias="next")]
Text = Annotated[str, Field(max_length=1000)]
router = APIRouter()


class PasswordForm(BaseModel):
    """What the form for signing in sends."""

    email: Text = ""
    password: Text = ""
    next: str = ""


class CodeForm(BaseModel):
    """What a form for a code sends."""

    code: Text = ""
    next: str = ""


class ProofForm(CodeForm):
    """What the form for proving it again sends."""

    password: Text = ""


@router.get(SIGN_IN)
async def show_sign_in(desk: DeskDependency, goal: Goal = "", because: str = "") -> Response:
    """Ask for e-mail address and password."""
    return desk.show("sign_in/sign_in.html", goal=own_path(goal), because=because, email="")


@router.post(SIGN_IN)
async def sign_in(desk: DeskDependency, form: Annotated[PasswordForm, Form()]) -> Response:
    """Sign in with a password, or ask for the second factor."""
    password = passwords.read(form.password)
    try:
        found = await desk.panel.sign_in.by_password(form.email, password, desk.client)
    except (errors.RejectedError, errors.UnavailableError) as error:
        return desk.show(
            "sign_in/sign_in.html",
            refusal_of(error, "email", "password"),
            goal=own_path(form.next),
            because="",
            email=form.email,
        )
    if isinstance(found, Begun):
        return desk.welcome(found, form.next)
    answer = see_other(leading_to(CODE, form.next))
    answer.set_cookie(
        STEP_COOKIE,
        found.code,
        max_age=STEP_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(CODE)
async def show_code(desk: DeskDependency, goal: Goal = "") -> Response:
    """Ask for a code of the app."""
    if STEP_COOKIE not in desk.request.cookies:
        return see_other(leading_to(SIGN_IN, goal))
    return desk.show("sign_in/code.html", goal=own_path(goal))


@router.post(CODE)
async def give_code(desk: DeskDependency, form: Annotated[CodeForm, Form()]) -> Response:
    """Sign in with a code of the app, or a recovery code, after the password."""
    step = desk.request.cookies.get(STEP_COOKIE, "")
    try:
        found = await desk.panel.sign_in.by_second_factor(step, form.code, desk.client)
    except errors.NotFoundError:
        return see_other(leading_to(SIGN_IN, form.next, because="step"))
    except errors.RejectedError as error:
        refusal = refusal_of(error, "code")
        return desk.show("sign_in/code.html", refusal, goal=own_path(form.next))
    answer = desk.welcome(found, form.next)
    answer.delete_cookie(STEP_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@router.get(ONCE)
async def show_once(desk: DeskDependency) -> Response:
    """Offer to sign in by the code of a link, which only the browser has so far."""
    return desk.show("sign_in/once.html")


@router.post(ONCE)
async def sign_in_once(desk: DeskDependency, form: Annotated[CodeForm, Form()]) -> Response:
    """Sign in with the code of a link."""
    try:
        async with desk.panel.database.transaction() as tx:
            found = await desk.panel.sign_in.by_code(tx, form.code, desk.client)
    except errors.RejectedError as error:
        return desk.show("sign_in/once.html", refusal_of(error, "code"))
    return desk.welcome(found, "")


@router.post("/sign-out")
async def sign_out(desk: DeskDependency) -> Response:
    """End the session of this browser, if it has one."""
    async with desk.panel.database.transaction() as tx:
        await desk.panel.sessions.end_own(tx, desk.client)
    answer = see_other(f"{SIGN_IN}?because=out")
    forget(answer)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.get(CONFIRM)
async def show_confirm(
    desk: DeskDependency, visitor: VisitorDependency, goal: Goal = ""
) -> Response:
    """Ask somebody who is signed in to prove again who it is."""
    return await _ask_for_proof(desk, visitor, goal)


@router.post(CONFIRM)
async def confirm(
    desk: DeskDependency, visitor: VisitorDependency, form: Annotated[ProofForm, Form()]
) -> Response:
    """Take the proof, and lead back to what it was needed for."""
    proof = Proof(password=passwords.read(form.password), code=form.code)
    try:
        await desk.panel.sign_in.confirm(visitor.caller, proof)
    except (errors.RejectedError, errors.UnavailableError) as error:
        return await _ask_for_proof(desk, visitor, form.next, error)
    return see_other(own_path(form.next))


async def _ask_for_proof(
    desk: Desk, visitor: Visitor, goal: str, error: errors.HostingError | None = None
) -> Response:
    async with desk.panel.database.transaction() as tx:
        person = await desk.panel.accounts.get(tx, visitor.caller)
    refusal = NONE
    if error is not None:
        refusal = refusal_of(error, "password" if person.has_password else "code")
    goal = own_path(goal)
    back = ways_of(desk.request).before(goal)
    return desk.show("sign_in/confirm.html", refusal, goal=goal, back=back, person=person)
