"""Backups: make, look, bring back, remove."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from shared.database import Transaction

from . import examples, problems
from .dependencies import (
    PREFIX,
    CallerDependency,
    Done,
    OnceDependency,
    PageDependency,
    PanelDependency,
    get_id,
)
from .schemas.backups import BackupAnswer, RestorationAnswer, RestoreQuestion
from .schemas.runs import RunAnswer
from .schemas.shape import ListAnswer, part
from .starting import begin

router = APIRouter(tags=["backups"])
Deployment = Annotated[str, AfterValidator(get_id), Path(examples=[examples.DEPLOYMENT_ID])]
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.BACKUP_ID])]
Removed = Annotated[bool, Query(description="Those that were removed as well.")]


@router.get("/backups", operation_id="listAllBackups", responses=problems.LOOKING)
async def list_all_backups(
    panel: PanelDependency,
    caller: CallerDependency,
    page: PageDependency,
    *,
    removed: Removed = False,
) -> ListAnswer[BackupAnswer]:
    """List the operator's backups, newest first, those of removed deployments too."""
    async with panel.database.transaction() as tx:
        found = await panel.backups.list_backups(tx, caller, page, removed=removed)
    return part([BackupAnswer.of(it) for it in found], page.limit)


@router.get(
    "/deployments/{deployment}/backups", operation_id="listBackups", responses=problems.LOOKING
)
async def list_backups(
    deployment: Deployment,
    panel: PanelDependency,
    caller: CallerDependency,
    page: PageDependency,
    *,
    removed: Removed = False,
) -> ListAnswer[BackupAnswer]:
    """List the backups of a deployment, which may be removed, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.backups.list_backups(
            tx, caller, page, deployment=deployment, removed=removed
        )
    return part([BackupAnswer.of(it) for it in found], page.limit)


@router.post(
    "/deployments/{deployment}/backups",
    operation_id="createBackup",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def create_backup(deployment: Deployment, once: OnceDependency) -> JSONResponse:
    """Back up a deployment while it goes on: a run, whose id is that of the backup."""
    return await begin(once, lambda tx: once.panel.backups.create(tx, once.caller, deployment))


@router.get("/backups/{backup}", operation_id="getBackup", responses=problems.LOOKING)
async def get_backup(backup: Id, panel: PanelDependency, caller: CallerDependency) -> BackupAnswer:
    """Show a backup: what it was made of, what it holds, and what it does not."""
    async with panel.database.transaction() as tx:
        return BackupAnswer.of(await panel.backups.get(tx, caller, backup))


@router.delete(
    "/backups/{backup}",
    operation_id="removeBackup",
    status_code=202,
    response_model=RunAnswer,
    responses=problems.CHANGING,
)
async def remove_backup(backup: Id, once: OnceDependency) -> JSONResponse:
    """Remove a backup for good; refused while a run restores it."""
    return await begin(once, lambda tx: once.panel.backups.remove(tx, once.caller, backup))


@router.post(
    "/backups/{backup}/restore",
    operation_id="restoreBackup",
    status_code=202,
    response_model=RestorationAnswer,
    responses=problems.CHANGING,
)
async def restore_backup(backup: Id, body: RestoreQuestion, once: OnceDependency) -> JSONResponse:
    """Bring a backup back: in place, after a backup of what is there, or as a new deployment.

    In place, what is there is replaced: a first run backs it up, and a second one, which is not
    begun when that fails, restores; without `backup_first` there is only the second. On a domain
    it becomes a new deployment, configured as it was: its machines and buckets are prepared, the
    backup is brought in, the applications are started. What is different about them on another
    domain is in `warnings`.
    """

    async def work(tx: Transaction) -> Done:
        found = await once.panel.backups.restore(
            tx, once.caller, backup, body.domain, is_kept=body.backup_first
        )
        answer = RestorationAnswer.of(found)
        return Done(status=202, location=f"{PREFIX}/runs/{answer.run.id}", body=answer)

    return await once.answer(work, body)
