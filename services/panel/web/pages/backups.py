"""Backups: looked at, brought back, removed; making one is on the page of its deployment."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query, Response

from shared.database import Transaction

from ...domain.identity import Scope
from ..dependencies import (
    ITEMS,
    AskingDependency,
    Id,
    OnceDependency,
    PageDependency,
    ProvenDependency,
    older,
)
from ..languages import retell
from ..presenters import backups
from ..presenters.refusals import REFUSED
from ..visitors import RecentDependency

router = APIRouter()
IN_PLACE: Final = "in_place"
AS_NEW: Final = "as_new"
STATUS_INVALID: Final = 422


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a backup is to come back, as a form says it."""

    where: str
    domain: str
    is_kept: bool


def read_wanted(
    where: Annotated[str, Form()] = IN_PLACE,
    domain: Annotated[str, Form()] = "",
    keep: Annotated[str, Form()] = "",
) -> Wanted:
    """Return how a backup is to come back."""
    return Wanted(where, domain.strip(), bool(keep))


@router.get("/backups")
async def list_backups(
    asking: AskingDependency,
    page: PageDependency,
) -> Response:
    """Show all backups of the operator, newest first."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.backups.list_backups(tx, asking.caller, page)
    return asking.show(
        "backups/list.html",
        backups=[backups.present(it) for it in found[:ITEMS]],
        before=older(found),
        is_first=page.before is None,
    )


@router.get("/deployments/{deployment}/backups")
async def list_backups_of(
    asking: AskingDependency,
    deployment: Id,
    page: PageDependency,
) -> Response:
    """Show the backups of a deployment, newest first."""
    async with asking.panel.database.transaction() as tx:
        about = await asking.panel.runs.overview(tx, asking.caller, deployment)
        found = await asking.panel.backups.list_backups(
            tx, asking.caller, page, deployment=deployment
        )
    return asking.show(
        "backups/of_deployment.html",
        deployment=about.deployment,
        backups=[backups.present(it) for it in found[:ITEMS]],
        before=older(found),
        is_first=page.before is None,
    )


@router.get("/backups/{backup}")
async def show_backup(
    asking: AskingDependency,
    backup: Id,
) -> Response:
    """Show what a backup holds, and what it does not."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.backups.get(tx, asking.caller, backup)
    return asking.show(
        "backups/show.html",
        backup=backups.present(found),
    )


@router.get("/backups/{backup}/restore")
async def ask_where(
    asking: ProvenDependency,
    backup: Id,
    domain: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Ask where a backup is to come back."""
    asking.caller.require(Scope.WRITE)
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.backups.get(tx, asking.caller, backup)
        found.require_complete()
        about = await asking.panel.runs.overview(tx, asking.caller, found.deployment)
    return asking.show(
        "backups/restore.html",
        backup=backups.present(found),
        is_gone=about.deployment.removed_at is not None,
        where=AS_NEW if domain or about.deployment.removed_at else IN_PLACE,
        domain=domain,
        wrong="",
    )


@router.post("/backups/{backup}/restore/check")
async def check_restore(
    asking: AskingDependency,
    backup: Id,
    wanted: Annotated[Wanted, Depends(read_wanted)],
) -> Response:
    """Say plainly what a restore replaces, or what is different on another domain."""
    panel, caller = asking.panel, asking.caller
    caller.require(Scope.WRITE)
    name, wrong = wanted.domain, ""
    cautions: tuple[str, ...] = ()
    async with panel.database.transaction() as tx:
        found = await panel.backups.get(tx, caller, backup)
        about = await panel.runs.overview(tx, caller, found.deployment)
        if wanted.where == AS_NEW:
            try:
                name, told = await panel.backups.foresee(tx, caller, backup, wanted.domain)
                cautions = tuple(map(retell, told))
            except REFUSED as error:
                wrong = retell(error.message)
    shown = backups.present(found)
    is_gone = about.deployment.removed_at is not None
    if wrong:
        return asking.show(
            "backups/restore.html",
            STATUS_INVALID,
            backup=shown,
            is_gone=is_gone,
            where=wanted.where,
            domain=wanted.domain,
            wrong=wrong,
        )
    return asking.show(
        "backups/check.html",
        backup=shown,
        where=wanted.where,
        domain=name,
        is_kept=wanted.is_kept,
        cautions=cautions,
    )


@router.post("/backups/{backup}/restore")
async def restore(
    backup: Id,
    once: OnceDependency,
    _: RecentDependency,
    wanted: Annotated[Wanted, Depends(read_wanted)],
) -> Response:
    """Bring a backup back, and lead to the first of the runs that do it."""

    async def work(tx: Transaction) -> str:
        domain = wanted.domain if wanted.where == AS_NEW else None
        found = await once.panel.backups.restore(
            tx, once.caller, backup, domain, is_kept=wanted.is_kept
        )
        return f"/runs/{found.runs[0].run.id}"

    return await once.go(work)


@router.get("/backups/{backup}/remove")
async def ask_before_removal(asking: ProvenDependency, backup: Id) -> Response:
    """Say that a removed backup does not come back, and ask whether that is wanted."""
    asking.caller.require(Scope.WRITE)
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.backups.get(tx, asking.caller, backup)
    found.require_removable()
    return asking.show("backups/remove.html", backup=backups.present(found))


@router.post("/backups/{backup}/remove")
async def remove(backup: Id, once: OnceDependency, _: RecentDependency) -> Response:
    """Remove a backup, and lead to the run that does it."""

    async def work(tx: Transaction) -> str:
        asked = await once.panel.backups.remove(tx, once.caller, backup)
        return f"/runs/{asked.run.id}"

    return await once.go(work)
