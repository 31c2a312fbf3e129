"""Activity: what was done for the operator, filtered and taken away."""

from typing import Final

from fastapi import APIRouter, Response

from ...domain.identity import Scope
from ..dependencies import PageDependency
from ..desk import DeskDependency
from ..trail import ChosenDependency, Format, listed, taken_away
from ..visitors import VisitorDependency

ACTIVITY: Final = "/activity"
router = APIRouter(prefix=ACTIVITY)


@router.get("")
async def list_activity(
    desk: DeskDependency, visitor: VisitorDependency, page: PageDependency, chosen: ChosenDependency
) -> Response:
    """Show what was done for the operator, newest first."""
    caller = visitor.caller
    wanted, refusal = chosen.try_filter()
    async with desk.panel.database.transaction() as tx:
        found = await desk.panel.audit.list_entries(tx, caller, wanted, page)
        circle = await desk.panel.people.list_circle(tx, caller)
    return desk.show(
        "activity/list.html",
        refusal,
        people=[(it.id, it.name) for it, _membership in circle.members],
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
    visitor.caller.require(Scope.READ)
    return taken_away(desk.panel.audit.export(visitor.caller, chosen.filter()), kind)
