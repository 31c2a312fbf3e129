"""What a person does to what runs: restart, pause, resume, remove; each asks before it does."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Response

from shared import errors
from shared.database import Transaction

from ...domain.identity import Scope
from ...domain.runs import RunKind
from ..dependencies import (
    Asking,
    AskingDependency,
    Id,
    Once,
    OnceDependency,
    ProvenDependency,
)
from ..languages import gettext as _
from ..presenters import deployments

router = APIRouter(prefix="/deployments/{deployment}")
STATUS_INVALID: Final = 422


@router.get("/restart")
async def ask_before_restart(asking: AskingDependency, deployment: Id) -> Response:
    """Say what a restart means, and ask whether that is wanted."""
    return await _ask_first(asking, deployment, RunKind.RESTART)


@router.post("/restart")
async def restart(deployment: Id, once: OnceDependency) -> Response:
    """Ask for a restart, and lead to its run."""
    return await _intervene(once, deployment, RunKind.RESTART)


@router.get("/pause")
async def ask_before_pause(asking: AskingDependency, deployment: Id) -> Response:
    """Say what a pause means, and ask whether that is wanted."""
    return await _ask_first(asking, deployment, RunKind.PAUSE)


@router.post("/pause")
async def pause(deployment: Id, once: OnceDependency) -> Response:
    """Ask for a pause, and lead to its run."""
    return await _intervene(once, deployment, RunKind.PAUSE)


@router.post("/resume")
async def resume(deployment: Id, once: OnceDependency) -> Response:
    """Ask for the end of a pause, and lead to its run."""
    return await _intervene(once, deployment, RunKind.RESUME)


async def _ask_first(asking: Asking, deployment: str, kind: RunKind) -> Response:
    asking.caller.require(Scope.WRITE)
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.runs.overview(tx, asking.caller, deployment)
    shown = deployments.present(found, asking.panel.offer)
    return asking.show("deployments/intervene.html", deployment=shown, kind=kind.value)


async def _intervene(once: Once, deployment: str, kind: RunKind) -> Response:
    async def work(tx: Transaction) -> str:
        asked = await once.panel.interventions.ask(tx, once.caller, deployment, kind)
        return f"/runs/{asked.run.id}"

    return await once.go(work)


@router.post("/backups")
async def back_up(deployment: Id, once: OnceDependency) -> Response:
    """Ask for a backup, and lead to its run."""

    async def work(tx: Transaction) -> str:
        asked = await once.panel.backups.create(tx, once.caller, deployment)
        return f"/runs/{asked.run.id}"

    return await once.go(work)


@router.get("/remove")
async def ask_before_removal(asking: ProvenDependency, deployment: Id) -> Response:
    """Say what a removal takes away and what it keeps, and ask for the domain."""
    asking.caller.require(Scope.WRITE)
    return await _removal(asking, deployment)


@router.post("/remove")
async def remove(
    asking: ProvenDependency,
    deployment: Id,
    once: OnceDependency,
    domain: Annotated[str, Form()] = "",
) -> Response:
    """Remove a deployment whose domain was typed, and lead to the run that does it."""
    asking.caller.require(Scope.WRITE)
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.runs.overview(tx, asking.caller, deployment)
    if domain.strip().lower().rstrip(".") != found.deployment.domain:
        wrong = _("Type %(domain)s to remove it.") % {"domain": found.deployment.domain}
        return await _removal(asking, deployment, typed=domain, wrong=wrong)

    async def work(tx: Transaction) -> str:
        asked = await once.panel.runs.remove(tx, once.caller, deployment)
        return f"/runs/{asked.run.id}"

    return await once.go(work)


async def _removal(
    asking: Asking, deployment: str, *, typed: str = "", wrong: str = ""
) -> Response:
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        found = await panel.runs.overview(tx, caller, deployment)
        if found.deployment.removed_at is not None:
            raise errors.ConflictError("deployment.removed", "This deployment was removed.")
        newest = await panel.backups.find_complete(tx, caller, deployment)
    return asking.show(
        "deployments/remove.html",
        STATUS_INVALID if wrong else 200,
        deployment=deployments.present(found, panel.offer),
        newest_backup=newest,
        typed=typed,
        wrong=wrong,
    )
