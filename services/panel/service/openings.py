"""Openings: how each kind of run begins, with what is known at that moment.

What a run needs is looked at when its turn has come, not when it was asked for: what ran before it
may have changed everything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import Mode
from shared.contracts.panel import (
    BackupRemovalRequested,
    BackupRequested,
    DeploymentRemovalRequested,
    DeploymentRequested,
    QuiesceRequested,
    RestartRequested,
    RestoreRequested,
    ResumeRequested,
)

from ..domain.runs import Run, RunKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from shared.contracts.messages import RunEvent
    from shared.database import Transaction

    from ..domain.backups import Backup
    from ..domain.deployments import Deployment
    from ..ports import BackupRegister, DeploymentRegister
    from .offer import Offer
    from .readiness import Readiness

    Opener = Callable[[Transaction, Run, Deployment], Awaitable["Opening"]]


@dataclass(frozen=True, slots=True)
class Opening:
    """A run as it begins, and what is stated for the services to begin with."""

    run: Run
    event: RunEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """Open runs; callers hold the lock of the deployment."""

    deployments: DeploymentRegister
    backups: BackupRegister
    readiness: Readiness
    offer: Offer

    async def open(self, tx: Transaction, run: Run) -> Opening:
        """Return how a run begins.

        Raises:
            ConflictError: things are in a state in which it has no use, or would do harm.
        """
        deployment = await self.deployments.find(tx, run.deployment)
        if deployment is None:
            raise errors.FaultError("run.no_deployment", f"run {run.id} has no deployment")
        openers: Mapping[RunKind, Opener] = {
            RunKind.DEPLOY: self._deploy,
            RunKind.REMOVE: self._remove,
            RunKind.BACKUP: self._back_up,
            RunKind.RESTORE: self._restore,
            RunKind.REMOVE_BACKUP: self._remove_backup,
            RunKind.RESTART: self._restart,
            RunKind.PAUSE: self._pause,
            RunKind.RESUME: self._resume,
        }
        return await openers[run.kind](tx, run, deployment)

    async def _deploy(self, tx: Transaction, run: Run, deployment: Deployment) -> Opening:
        revision = await self.readiness.revision(tx, run.deployment, run.revision)
        if revision.mode is not Mode.ACTIVE:
            await self.readiness.require_unused(tx, deployment)
        event = DeploymentRequested(
            deployment=run.deployment,
            run=run.id,
            revision=revision.number,
            operator=run.operator,
            domain=deployment.domain,
            mode=revision.mode,
            applications=revision.applications,
            resources=revision.resources,
        )
        return Opening(run, event)

    async def _remove(self, _: Transaction, run: Run, __: Deployment) -> Opening:
        event = DeploymentRemovalRequested(
            deployment=run.deployment, run=run.id, operator=run.operator
        )
        return Opening(run, event)

    async def _back_up(self, tx: Transaction, run: Run, deployment: Deployment) -> Opening:
        revision = await self.readiness.revision(tx, run.deployment, deployment.require_running())
        backup = await self._backup(tx, run)
        carried = self.offer.carried(revision)
        await self.backups.save(tx, replace(backup, revision=revision.number, applications=carried))
        event = BackupRequested(
            deployment=run.deployment,
            run=run.id,
            revision=revision.number,
            operator=run.operator,
            backup=backup.id,
            applications=carried,
        )
        return Opening(replace(run, revision=revision.number), event)

    async def _restore(self, tx: Transaction, run: Run, deployment: Deployment) -> Opening:
        backup = await self._backup(tx, run)
        backup.require_complete()
        if backup.deployment == run.deployment:
            await self.readiness.require_now(tx, deployment, run.kind)
            await self.readiness.require_fit(tx, deployment, backup)
            number: int | None = deployment.require_running()
        else:
            await self.readiness.require_unused(tx, deployment)
            number = run.revision
        revision = await self.readiness.revision(tx, run.deployment, number)
        event = RestoreRequested(
            deployment=run.deployment,
            run=run.id,
            revision=revision.number,
            operator=run.operator,
            backup=backup.id,
            source=backup.deployment,
            applications=backup.applications,
        )
        return Opening(replace(run, revision=revision.number), event)

    async def _remove_backup(self, tx: Transaction, run: Run, _: Deployment) -> Opening:
        backup = await self._backup(tx, run)
        event = BackupRemovalRequested(
            deployment=run.deployment, run=run.id, operator=run.operator, backup=backup.id
        )
        return Opening(run, event)

    async def _restart(self, tx: Transaction, run: Run, deployment: Deployment) -> Opening:
        await self.readiness.require_now(tx, deployment, run.kind)
        event = RestartRequested(deployment=run.deployment, run=run.id, operator=run.operator)
        return Opening(run, event)

    async def _pause(self, tx: Transaction, run: Run, deployment: Deployment) -> Opening:
        await self.readiness.require_now(tx, deployment, run.kind)
        event = QuiesceRequested(deployment=run.deployment, run=run.id, operator=run.operator)
        return Opening(run, event)

    async def _resume(self, tx: Transaction, run: Run, deployment: Deployment) -> Opening:
        await self.readiness.require_now(tx, deployment, run.kind)
        event = ResumeRequested(deployment=run.deployment, run=run.id, operator=run.operator)
        return Opening(run, event)

    async def _backup(self, tx: Transaction, run: Run) -> Backup:
        backup = await self.backups.lock(tx, run.backup) if run.backup else None
        if backup is None:
            raise errors.FaultError("run.no_backup", f"run {run.id} has no backup")
        return backup
