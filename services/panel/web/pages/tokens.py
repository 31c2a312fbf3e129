"""API tokens: made, listed, revoked."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from shared import clock, errors
from shared.database import Transaction

from ...domain.identity import Scope
from ...domain.tokens import TokenWish
from ..dependencies import AskingDependency, Id, OnceDependency
from ..desk import Desk, DeskDependency
from ..presenters import people
from ..presenters.refusals import refusal_of
from ..visitors import RecentDependency, Visitor, VisitorDependency

TOKENS: Final = "/account/tokens"
USUAL_DAYS: Final = 90
MOST_SCOPES: Final = 10
router = APIRouter(prefix=TOKENS)


class TokenForm(BaseModel):
    """What the form for a new token sends."""

    name: str = Field(default="", max_length=1000)
    scopes: list[str] = Field(default_factory=list, max_length=MOST_SCOPES)
    days: int = USUAL_DAYS


@router.get("")
async def list_tokens(desk: DeskDependency, visitor: VisitorDependency, done: str = "") -> Response:
    """Show the tokens: one's own, and to owners everybody's."""
    return await _list(desk, visitor, done=bool(done))


@router.get("/new")
async def ask_for_token(desk: DeskDependency, visitor: RecentDependency) -> Response:
    """Ask what a new token is for."""
    form = TokenForm(scopes=[Scope.READ.value])
    offered = people.offered_scopes(visitor.caller)
    return desk.show("account/new_token.html", form=form, offered=offered)


@router.post("")
async def create_token(
    desk: DeskDependency, visitor: RecentDependency, form: Annotated[TokenForm, Form()]
) -> Response:
    """Make a token, and show it this once."""
    known = frozenset(it for it in Scope if it.value in form.scopes)
    wish = TokenWish(name=form.name, scopes=known, days=form.days)
    try:
        async with desk.panel.database.transaction() as tx:
            made = await desk.panel.tokens.create(tx, visitor.caller, wish)
    except (errors.InvalidError, errors.QuotaExceededError) as error:
        refusal = refusal_of(error, "name", "scopes", "days")
        offered = people.offered_scopes(visitor.caller)
        return desk.show("account/new_token.html", refusal, form=form, offered=offered)
    return await _list(desk, visitor, secret=made.secret)


@router.get("/{token}/revoke")
async def ask_before_revoking(asking: AskingDependency, token: Id) -> Response:
    """Say which token it is, and ask whether it is to open nothing any more."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.tokens.get(tx, asking.caller, token)
    return asking.show("account/revoke_token.html", token=found, scopes=people.SCOPES)


@router.post("/{token}/revoke")
async def revoke_token(once: OnceDependency, token: Id) -> Response:
    """Let a token open nothing any more."""

    async def work(tx: Transaction) -> str:
        await once.panel.tokens.revoke(tx, once.caller, token)
        return f"{TOKENS}?done=1"

    return await once.go(work)


async def _list(desk: Desk, visitor: Visitor, *, secret: str = "", done: bool = False) -> Response:
    async with desk.panel.database.transaction() as tx:
        found = await desk.panel.tokens.list_tokens(tx, visitor.caller)
    return desk.show(
        "account/tokens.html",
        tokens=found,
        scopes=people.SCOPES,
        secret=secret,
        done=done,
        now=clock.system.now(),
    )
