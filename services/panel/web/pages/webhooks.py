"""Webhooks: endpoints, made, changed and removed, and what became of every message."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from shared import errors
from shared.contracts.happenings import HappeningType
from shared.database import Transaction

from ...domain.refusals import StaleError
from ...service.webhooks import EndpointWish, NewSecret
from ..dependencies import (
    ITEMS,
    Asking,
    AskingDependency,
    Id,
    OnceDependency,
    PageDependency,
    ProvenDependency,
    older,
    see_other,
)
from ..forms.entries import showable
from ..languages import gettext as _
from ..languages import retell
from ..presenters import webhooks
from ..presenters.refusals import NONE, Refusal, refusal_of
from ..presenters.webhooks import Side

HOME: Final = "/settings/webhooks"
OVERLAP: Final = timedelta(hours=24)
LONGEST_DESCRIPTION: Final = 200
CONFLICT: Final = 409
router = APIRouter(prefix=HOME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What somebody wrote into the form of an endpoint."""

    url: str = ""
    description: str = ""
    types: frozenset[str] | None = None
    version: int | None = None

    def wish(self) -> EndpointWish:
        """Return what is asked for."""
        known = frozenset(HappeningType(it) for it in self.types or () if it in set(HappeningType))
        return EndpointWish(
            url=self.url,
            description=self.description,
            types=known or None,
            expected=None if self.version is None else (self.version,),
        )

    def refuse(self) -> Refusal:
        """Return what is wrong with it, as far as that needs no rule about addresses."""
        if not self.types:
            what = _("Choose at least one thing to be told.")
            return Refusal(422, (("types", what),), {"types": what})
        if len(self.description) > LONGEST_DESCRIPTION:
            what = _("Write %(most)s characters at most.") % {"most": LONGEST_DESCRIPTION}
            return Refusal(422, (("description", what),), {"description": what})
        return NONE


async def read_entered(request: Request) -> Entered:
    """Return what a form holds."""
    form = await request.form()
    version = str(form.get("version", ""))
    return Entered(
        url=showable(str(form.get("url", "")).strip()),
        description=showable(str(form.get("description", "")).strip()),
        types=frozenset(str(it) for it in form.getlist("types")),
        version=int(version) if version.isdecimal() and len(version) < 10 else None,  # noqa: PLR2004 - as many as a version has
    )


EnteredDependency = Annotated[Entered, Depends(read_entered)]


@router.get("")
async def list_endpoints(asking: AskingDependency) -> Response:
    """Show where happenings are sent."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.webhooks.list_endpoints(tx, asking.caller)
    return asking.show("webhooks/list.html", endpoints=[webhooks.present(it) for it in found])


@router.get("/new")
async def ask_where(asking: AskingDependency) -> Response:
    """Ask where happenings are to be sent."""
    return _form(asking, Entered())


@router.post("/new")
async def create(asking: AskingDependency, entered: EnteredDependency) -> Response:
    """Make an endpoint and show its secret; nothing tells it again, so there is no page for it."""
    refusal = entered.refuse()
    if refusal is not NONE:
        return _form(asking, entered, refusal)
    try:
        async with asking.panel.database.transaction() as tx:
            made = await asking.panel.webhooks.create(tx, asking.caller, entered.wish())
    except (errors.InvalidError, errors.QuotaExceededError) as error:
        return _form(asking, entered, _refusal(error))
    return _secret(asking, made)


@router.get("/{endpoint}")
async def show_endpoint(asking: AskingDependency, endpoint: Id, page: PageDependency) -> Response:
    """Show an endpoint, and what was sent to it."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        known = await panel.webhooks.get(tx, caller, endpoint)
        found = await panel.webhooks.list_deliveries(tx, caller, endpoint, page)
    return asking.show(
        "webhooks/show.html",
        endpoint=webhooks.present(known),
        deliveries=[webhooks.present_delivery(it) for it in found[:ITEMS]],
        before=older(found),
        is_first=page.before is None,
    )


@router.get("/{endpoint}/edit")
async def ask_what(asking: AskingDependency, endpoint: Id) -> Response:
    """Ask what is to be different about an endpoint."""
    async with asking.panel.database.transaction() as tx:
        found = (await asking.panel.webhooks.get(tx, asking.caller, endpoint)).endpoint
    entered = Entered(
        url=found.url,
        description=found.description,
        types=frozenset(it.value for it in found.types),
        version=found.version,
    )
    return _form(asking, entered, endpoint=endpoint)


@router.post("/{endpoint}/edit")
async def change(asking: AskingDependency, endpoint: Id, entered: EnteredDependency) -> Response:
    """Change an endpoint, unless somebody else did so since."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.webhooks.get(tx, asking.caller, endpoint)
    refusal = entered.refuse()
    if refusal is not NONE:
        return _form(asking, entered, refusal, endpoint)
    try:
        async with asking.panel.database.transaction() as tx:
            await asking.panel.webhooks.change(tx, asking.caller, endpoint, entered.wish())
    except StaleError:
        return await _show_conflict(asking, endpoint, entered)
    except errors.InvalidError as error:
        return _form(asking, entered, _refusal(error), endpoint)
    return see_other(f"{HOME}/{endpoint}")


@router.post("/{endpoint}/test")
async def test_endpoint(asking: AskingDependency, endpoint: Id) -> Response:
    """Send a message at once, and lead to what the receiver really answered."""
    sent = await asking.panel.webhooks.test(asking.caller, endpoint)
    return see_other(f"{HOME}/{endpoint}/deliveries/{sent.id}")


@router.post("/{endpoint}/enable")
async def enable(asking: AskingDependency, endpoint: Id) -> Response:
    """Send happenings there again."""
    return await _switch(asking, endpoint, is_enabled=True)


@router.post("/{endpoint}/disable")
async def disable(asking: AskingDependency, endpoint: Id) -> Response:
    """Send nothing there any more, for now."""
    return await _switch(asking, endpoint, is_enabled=False)


@router.get("/{endpoint}/rotate")
async def ask_before_rotation(asking: ProvenDependency, endpoint: Id) -> Response:
    """Say what a new secret means, and ask whether it is wanted."""
    return await _question(asking, endpoint, "webhooks/rotate.html")


@router.post("/{endpoint}/rotate")
async def rotate(asking: ProvenDependency, once: OnceDependency, endpoint: Id) -> Response:
    """Make a new secret and show it; nothing tells it again, and a page sent again makes none."""

    async def work(tx: Transaction) -> tuple[str, NewSecret]:
        made = await once.panel.webhooks.rotate(tx, once.caller, endpoint, OVERLAP)
        return f"{HOME}/{endpoint}", made

    location, made = await once.make(work)
    return see_other(location) if made is None else _secret(asking, made)


@router.get("/{endpoint}/remove")
async def ask_before_removal(asking: ProvenDependency, endpoint: Id) -> Response:
    """Say what goes with an endpoint, and ask whether that is wanted."""
    return await _question(asking, endpoint, "webhooks/remove.html")


@router.post("/{endpoint}/remove")
async def remove(asking: ProvenDependency, endpoint: Id) -> Response:
    """Remove an endpoint, with everything that waits to be sent there."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.webhooks.remove(tx, asking.caller, endpoint)
    return see_other(HOME)


@router.get("/{endpoint}/deliveries/{delivery}")
async def show_delivery(asking: AskingDependency, endpoint: Id, delivery: Id) -> Response:
    """Show what was sent, and what came of it."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        known = await panel.webhooks.get(tx, caller, endpoint)
        found, message = await panel.webhooks.get_delivery(tx, caller, endpoint, delivery)
    return asking.show(
        "webhooks/delivery.html",
        endpoint=webhooks.present(known),
        delivery=webhooks.present_delivery(found),
        body=webhooks.present_body(message),
    )


@router.post("/{endpoint}/deliveries/{delivery}/resend")
async def resend(asking: AskingDependency, endpoint: Id, delivery: Id) -> Response:
    """Send a message again, and lead to what becomes of that."""
    async with asking.panel.database.transaction() as tx:
        again = await asking.panel.webhooks.resend(tx, asking.caller, endpoint, delivery)
    return see_other(f"{HOME}/{endpoint}/deliveries/{again.id}")


async def _switch(asking: Asking, endpoint: str, *, is_enabled: bool) -> Response:
    wish = EndpointWish(is_enabled=is_enabled)
    async with asking.panel.database.transaction() as tx:
        await asking.panel.webhooks.change(tx, asking.caller, endpoint, wish)
    return see_other(f"{HOME}/{endpoint}")


async def _question(asking: Asking, endpoint: str, name: str) -> Response:
    async with asking.panel.database.transaction() as tx:
        known = await asking.panel.webhooks.get(tx, asking.caller, endpoint)
    return asking.show(name, endpoint=webhooks.present(known))


def _form(
    asking: Asking, entered: Entered, refusal: Refusal = NONE, endpoint: str = ""
) -> Response:
    asking.panel.webhooks.require(asking.caller)
    return asking.show(
        "webhooks/form.html",
        refusal.status,
        entered=entered,
        types=webhooks.present_types(entered.types),
        endpoint=endpoint,
        refusal=refusal,
    )


async def _show_conflict(asking: Asking, endpoint: str, entered: Entered) -> Response:
    """Show both versions of an endpoint that somebody else changed meanwhile."""
    async with asking.panel.database.transaction() as tx:
        found = (await asking.panel.webhooks.get(tx, asking.caller, endpoint)).endpoint
    mine = Side(entered.url, entered.description, entered.types or frozenset())
    pairs = [("url", mine.url), ("description", mine.description)]
    return asking.show(
        "configuring/conflict.html",
        CONFLICT,
        title=found.description or found.origin,
        version=found.version,
        clashes=webhooks.clashes(mine, Side.of(found)),
        pairs=[*pairs, *(("types", it) for it in sorted(mine.types))],
        here=f"{HOME}/{endpoint}/edit",
    )


def _secret(asking: Asking, made: NewSecret) -> Response:
    return asking.show(
        "webhooks/secret.html",
        endpoint=webhooks.present(made.known),
        secret=made.secret.get_secret_value(),
    )


def _refusal(error: errors.HostingError) -> Refusal:
    if "/url" in error.details:
        sentence = retell(error.message)
        return Refusal(422, (("url", sentence),), {"url": sentence})
    return refusal_of(error)
