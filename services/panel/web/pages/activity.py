"""Activity: what was done for the operator, filtered and taken away."""

from typing import Final

from fastapi import APIRouter, Response

from shared import errors

from ...domain.audit import AuditFilter
from ...domain.identity import Scope
from ..dependencies import ITEMS, PageDependency, older
from ..desk import DeskDependency
from ..presenters import activity
from ..presenters.refusals import NONE, refusal_of
from ..trail import ChosenDependency, Format, taken_away
from ..visitors import VisitorDependency

ACTIVITY: Final = "/activity"
router = APIRouter(prefix=ACTIVITY)


@router.get("")
async def list_activity(
    desk: DeskDependency, visitor: VisitorDependency, page: PageDependency, chosen: ChosenDependency
) -> Response:
    """Show what was done for the operator, newest first."""
    caller, refusal, wanted = visitor.caller, NONE, AuditFilter()
    try:
        wanted = chosen.filter()
    except errors.InvalidError as error:
        refusal = refusal_of(error, "since", "until")
    async with desk.panel.database.transaction() as tx:
        found = await desk.panel.audit.list_entries(tx, caller, wanted, page)
        circle = await desk.panel.people.list_circle(tx, caller)
    query = chosen.query()
    return desk.show(
        "activity/list.html",
        refusal,
        deeds=[activity.present(it) for it in found[:ITEMS]],
        chosen=chosen,
        people=[(it.id, it.name) for it, _membership in circle.members],
        subjects=activity.subjects(),
        before=older(found),
        address=f"{ACTIVITY}?{query}" if query else ACTIVITY,
        first=(f"{ACTIVITY}?{query}" if query else ACTIVITY) if page.before else "",
        export=f"{ACTIVITY}/export?{query}",
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
