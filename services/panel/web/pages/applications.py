"""Applications: what can be deployed here, what for, and what it needs."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared import errors

from ..dependencies import AskingDependency
from ..presenters import applications

router = APIRouter(prefix="/applications")
Name = Annotated[str, Path(max_length=64)]


@router.get("")
async def list_applications(asking: AskingDependency) -> Response:
    """Show every application of the catalogue."""
    panel = asking.panel
    async with panel.database.transaction() as tx:
        withheld = await panel.provider.withheld(tx)
    found = panel.offer.list_applications()
    return asking.show(
        "applications/list.html",
        cards=[applications.card(it, panel.offer, withheld) for it in found],
    )


@router.get("/{name}")
async def show_application(asking: AskingDependency, name: Name) -> Response:
    """Show what an application is for, what it needs, and what can be chosen."""
    panel = asking.panel
    found = panel.offer.find(name)
    if found is None:
        raise errors.NotFoundError("application.not_found", "There is no such application here.")
    async with panel.database.transaction() as tx:
        withheld = await panel.provider.withheld(tx)
    return asking.show(
        "applications/show.html",
        card=applications.card(found, panel.offer, withheld),
        options=applications.options(found),
    )
