"""The hosting provider: runs in trouble, machines, the catalogue, and the notice on every page."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Response

from shared import errors
from shared.catalogue import Application

from ...domain.identity import Scope
from ..dependencies import ITEMS, Asking, AskingDependency, PageDependency, older, see_other
from ..languages import retell
from ..presenters import provider

router = APIRouter(prefix="/provider")
Name = Annotated[str, Path(max_length=64)]
STATUS_INVALID: Final = 422


@router.get("")
async def list_troubled(asking: AskingDependency, page: PageDependency) -> Response:
    """Show runs of all operators that are worth a look."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.provider.list_troubled(tx, asking.caller, page)
    return asking.show(
        "provider/runs.html",
        runs=[provider.trouble(it) for it in found[:ITEMS]],
        before=older(found),
        is_first=page.before is None,
    )


@router.get("/machines")
async def list_machines(asking: AskingDependency, page: PageDependency) -> Response:
    """Show deployments with their machines and addresses, as far as they are known."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.provider.list_housed(tx, asking.caller, page)
    return asking.show(
        "provider/machines.html",
        housed=found[:ITEMS],
        before=older(found),
        is_first=page.before is None,
    )


@router.get("/applications")
async def list_catalogue(asking: AskingDependency) -> Response:
    """Show the catalogue, and which applications can be chosen."""
    asking.caller.require(Scope.PROVIDER)
    async with asking.panel.database.transaction() as tx:
        withheld = await asking.panel.provider.withheld(tx)
    return asking.show(
        "provider/applications.html",
        applications=asking.panel.offer.list_applications(),
        withheld=withheld,
    )


@router.get("/applications/{name}/withhold")
async def ask_why(asking: AskingDependency, name: Name) -> Response:
    """Ask why an application is not to be chosen any more."""
    asking.caller.require(Scope.PROVIDER)
    return asking.show(
        "provider/withhold.html", application=_known(asking, name), reason="", wrong=""
    )


@router.post("/applications/{name}/withhold")
async def withhold(
    asking: AskingDependency,
    name: Name,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Let nobody choose an application anew."""
    try:
        async with asking.panel.database.transaction() as tx:
            await asking.panel.provider.withhold(tx, asking.caller, name, reason)
    except errors.InvalidError as error:
        return asking.show(
            "provider/withhold.html",
            STATUS_INVALID,
            application=_known(asking, name),
            reason=reason,
            wrong=retell(error.message),
        )
    return see_other("/provider/applications")


@router.post("/applications/{name}/offer")
async def offer(asking: AskingDependency, name: Name) -> Response:
    """Let everybody choose an application."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.provider.offer_again(tx, asking.caller, name)
    return see_other("/provider/applications")


@router.get("/notice")
async def show_notice(asking: AskingDependency) -> Response:
    """Show what every page says at its top."""
    asking.caller.require(Scope.PROVIDER)
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.provider.find_notice(tx)
    message = found.message if found else ""
    return asking.show("provider/notice.html", notice=found, message=message, wrong="")


@router.post("/notice")
async def set_notice(
    asking: AskingDependency, message: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Let every page say something at its top."""
    try:
        async with asking.panel.database.transaction() as tx:
            await asking.panel.provider.set_notice(tx, asking.caller, message)
    except errors.InvalidError as error:
        return asking.show(
            "provider/notice.html",
            STATUS_INVALID,
            notice=None,
            message=message,
            wrong=retell(error.message),
        )
    return see_other("/provider/notice")


@router.post("/notice/withdraw")
async def withdraw_notice(asking: AskingDependency) -> Response:
    """Let pages say nothing at their top."""
    async with asking.panel.database.transaction() as tx:
        await asking.panel.provider.withdraw_notice(tx, asking.caller)
    return see_other("/provider/notice")


def _known(asking: Asking, name: str) -> Application:
    found = asking.panel.offer.find(name)
    if found is None:
        raise errors.NotFoundError("application.not_found", "There is no such application here.")
    return found
