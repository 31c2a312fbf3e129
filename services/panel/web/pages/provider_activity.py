"""Activity of all: what was done for any operator, for the hosting provider to look through."""

from typing import Final

from fastapi import APIRouter, Response

from shared.database import Transaction

from ...domain.identity import Caller, Scope
from ...domain.records import Page
from ...service.panel import Panel
from ..dependencies import PageDependency
from ..desk import DeskDependency
from ..trail import ChosenDependency, Format, listed, taken_away
from ..visitors import VisitorDependency

ACTIVITY: Final = "/provider/activity"
MOST_OPERATORS: Final = 200
"""In the list to choose from; the page of every operator leads here as well."""
router = APIRouter(prefix=ACTIVITY)


@router.get("")
async def list_activity(
    desk: DeskDependency, visitor: VisitorDependency, page: PageDependency, chosen: ChosenDependency
) -> Response:
    """Show what was done for any operator, newest first."""
    caller = visitor.caller
    wanted, refusal = chosen.try_filter()
    async with desk.panel.database.transaction() as tx:
        found = await desk.panel.audit.list_entries(tx, caller, wanted, page, everybody=True)
        operators = await _operators(tx, desk.panel, caller, wanted.operator)
    return desk.show(
        "provider/activity.html",
        refusal,
        operators=operators,
        **listed(ACTIVITY, chosen, page, found),
    )


@router.get("/export")
async def export_activity(
    desk: DeskDependency,
    visitor: VisitorDependency,
    chosen: ChosenDependency,
    kind: Format = "csv",
) -> Response:
    """Give the entries away as a file."""
    visitor.caller.require(Scope.PROVIDER)
    found = desk.panel.audit.export(visitor.caller, chosen.filter(), everybody=True)
    return taken_away(found, kind)


async def _operators(
    tx: Transaction, panel: Panel, caller: Caller, chosen: str | None
) -> list[tuple[str, str]]:
    """Return operators to choose from, that one among them."""
    known = await panel.provider.list_operators(tx, caller, Page(MOST_OPERATORS))
    found = {it.id: it.name for it in known}
    if chosen is not None and chosen not in found:
        found[chosen] = (await panel.provider.get_operator(tx, caller, chosen)).name
    return sorted(found.items(), key=lambda it: it[1].casefold())
