"""A new deployment, its first pages: its domain, its applications; kept as a draft between them."""

from fastapi import APIRouter, Response

from shared import errors

from ...domain.drafts import Draft
from ...domain.identity import Scope
from ...domain.refusals import StaleError
from ..dependencies import Asking, AskingDependency, Id, see_other
from ..entered import Entered, EnteredDependency
from ..languages import retell
from ..presenters import applications
from ..presenters.drafts import Step, journey
from ..presenters.refusals import REFUSED

router = APIRouter()
INVALID = 422
CONFLICT = 409


@router.get("/deployments/new")
async def ask_for_domain(asking: AskingDependency, application: str = "") -> Response:
    """Ask for the domain, or offer to go on with a draft."""
    asking.caller.require(Scope.WRITE)
    return await _show_beginning(asking, Entered((("application", application[:64]),)))


@router.post("/deployments/new")
async def begin(asking: AskingDependency, entered: EnteredDependency) -> Response:
    """Begin a draft, and lead to the choice of applications."""
    panel = asking.panel
    try:
        async with panel.database.transaction() as tx:
            draft = await panel.drafts.begin(tx, asking.caller, entered.text("domain").strip())
    except REFUSED as error:
        return await _show_beginning(asking, entered, retell(error.message))
    chosen = entered.text("application")
    query = f"?application={chosen}" if panel.offer.find(chosen) else ""
    return see_other(f"/drafts/{draft.id}/applications{query}")


@router.get("/drafts/{draft}")
async def go_on(asking: AskingDependency, draft: Id) -> Response:
    """Lead to where a draft is to be gone on with."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.drafts.get(tx, asking.caller, draft)
    return see_other(following(found))


@router.get("/drafts/{draft}/domain")
async def ask_for_another_domain(asking: AskingDependency, draft: Id) -> Response:
    """Ask whether another domain is wanted."""
    found = await open_draft(asking, draft)
    return _show_domain(asking, found, found.domain)


@router.post("/drafts/{draft}/domain")
async def choose_domain(
    asking: AskingDependency, draft: Id, entered: EnteredDependency
) -> Response:
    """Choose another domain."""
    panel, domain = asking.panel, entered.text("domain").strip()
    found = await open_draft(asking, draft)
    try:
        async with panel.database.transaction() as tx:
            saved = await panel.drafts.rename(
                tx, asking.caller, draft, domain, expected=entered.expected
            )
    except StaleError:
        return _show_domain(asking, await open_draft(asking, draft), domain, was_stale=True)
    except (errors.InvalidError, errors.ConflictError) as error:
        return _show_domain(asking, found, domain, retell(error.message))
    return see_other(following(saved))


@router.get("/drafts/{draft}/applications")
async def ask_for_applications(
    asking: AskingDependency, draft: Id, application: str = ""
) -> Response:
    """Ask which applications are wanted."""
    found = await open_draft(asking, draft)
    chosen = [it.application for it in found.applications] or [application]
    return await _show_applications(asking, found, chosen)


@router.post("/drafts/{draft}/applications")
async def choose_applications(
    asking: AskingDependency, draft: Id, entered: EnteredDependency
) -> Response:
    """Choose applications, and lead to the form of the first one that is not filled in."""
    panel, chosen = asking.panel, list(dict.fromkeys(entered.every("application")))
    found = await open_draft(asking, draft)
    try:
        async with panel.database.transaction() as tx:
            saved = await panel.drafts.choose(
                tx, asking.caller, draft, chosen, expected=entered.expected
            )
    except StaleError:
        found = await open_draft(asking, draft)
        return await _show_applications(asking, found, chosen, was_stale=True)
    except errors.InvalidError as error:
        return await _show_applications(asking, found, chosen, retell(error.message))
    return see_other(following(saved))


@router.get("/drafts/{draft}/discard")
async def ask_before_discarding(asking: AskingDependency, draft: Id) -> Response:
    """Ask whether nothing of a draft is to be kept."""
    found = await open_draft(asking, draft)
    return asking.show("drafts/discard.html", draft=found)


@router.post("/drafts/{draft}/discard")
async def discard(asking: AskingDependency, draft: Id) -> Response:
    """Keep nothing of a draft."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.drafts.discard(tx, asking.caller, draft)
    return see_other("/deployments/new")


async def open_draft(asking: Asking, draft: str) -> Draft:
    """Return a draft that can still be changed."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.drafts.get(tx, asking.caller, draft)
    found.require_open()
    return found


def following(draft: Draft) -> str:
    """Return the page on which a draft is gone on with."""
    if draft.run is not None:
        return f"/runs/{draft.run}"
    here = f"/drafts/{draft.id}"
    if not draft.applications:
        return f"{here}/applications"
    open_ = next((it.application for it in draft.applications if not it.is_complete), None)
    return f"{here}/applications/{open_}" if open_ else f"{here}/check"


async def _show_beginning(asking: Asking, entered: Entered, wrong: str = "") -> Response:
    async with asking.panel.database.transaction() as tx:
        drafts = await asking.panel.drafts.list_open(tx, asking.caller)
    return asking.show(
        "drafts/new.html",
        INVALID if wrong else 200,
        drafts=drafts,
        domain=entered.text("domain"),
        application=entered.text("application"),
        wrong=wrong,
        journey=journey(None, Step.DOMAIN),
    )


def _show_domain(
    asking: Asking, draft: Draft, domain: str, wrong: str = "", *, was_stale: bool = False
) -> Response:
    return asking.show(
        "drafts/domain.html",
        _status(wrong, was_stale=was_stale),
        was_stale=was_stale,
        draft=draft,
        domain=domain,
        wrong=wrong,
        journey=journey(draft, Step.DOMAIN),
    )


async def _show_applications(
    asking: Asking, draft: Draft, chosen: list[str], wrong: str = "", *, was_stale: bool = False
) -> Response:
    panel = asking.panel
    async with panel.database.transaction() as tx:
        withheld = await panel.provider.withheld(tx)
    found = panel.offer.list_applications()
    return asking.show(
        "drafts/applications.html",
        _status(wrong, was_stale=was_stale),
        was_stale=was_stale,
        draft=draft,
        cards=[applications.card(it, panel.offer, withheld) for it in found],
        chosen=chosen,
        wrong=wrong,
        journey=journey(draft, Step.APPLICATIONS),
    )


def _status(wrong: str, *, was_stale: bool) -> int:
    if was_stale:
        return CONFLICT
    return INVALID if wrong else 200
