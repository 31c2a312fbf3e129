"""Readiness: whether a run has a use, in the state in which it finds or will find things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.backups import Backup
    from ..domain.deployments import Deployment, Revision
    from ..domain.runs import RunKind
    from ..ports import DeploymentRegister, RunRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Refuse runs that would do nothing, or harm."""

    deployments: DeploymentRegister
    runs: RunRegister
    clock: Clock

    async def require(self, tx: Transaction, deployment: Deployment, kind: RunKind) -> None:
        """Raise ConflictError unless such a run has a use once all that waits has succeeded."""
        waiting = await self.runs.list_unfinished(tx, deployment.id)
        await self.require_now(tx, deployment.foreseen(waiting, self.clock.now()), kind)

    async def require_now(self, tx: Transaction, deployment: Deployment, kind: RunKind) -> None:
        """Raise ConflictError unless such a run has a use as things are."""
        standings = await self.runs.standings(tx, [deployment.id])
        deployment.require_ready_for(kind, standings[deployment.id])

    async def require_fit(self, tx: Transaction, deployment: Deployment, backup: Backup) -> None:
        """Raise ConflictError unless a backup belongs to what runs."""
        runs = await self.revision(tx, deployment.id, deployment.require_running())
        backup.require_fit(await self.revision(tx, backup.deployment, backup.revision), runs)

    async def require_unused(self, tx: Transaction, deployment: Deployment) -> None:
        """Raise ConflictError when applications of a deployment may have written something."""
        if await self.runs.was_activated(tx, deployment.id):
            raise errors.ConflictError(
                "deployment.used",
                "The applications of this deployment were started since; a restore would replace "
                "what they hold. Restore the backup as another new deployment.",
            )

    async def revision(self, tx: Transaction, deployment: str, number: int | None) -> Revision:
        """Return a revision that has to be there."""
        revision = await self.deployments.find_revision(tx, deployment, number)
        if number is None or revision is None:
            raise errors.FaultError("run.no_revision", f"{deployment} has no revision {number}")
        return revision
