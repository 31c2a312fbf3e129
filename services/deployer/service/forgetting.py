"""The job `forget`: a removed deployment leaves nothing here, with or without its machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs
from shared.contracts.deployer import DeploymentFailed, SystemRemoved
from shared.contracts.failures import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..ports import (
        ApplicationSecrets,
        Conditions,
        Hosts,
        Revisions,
        SystemBuilder,
        Transfers,
    )

GOODBYE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Removes secrets, permits, connections and built systems."""

    revisions: Revisions
    kept: ApplicationSecrets
    transfers: Transfers
    conditions: Conditions
    hosts: Hosts
    builder: SystemBuilder

    def kind(self) -> jobs.Kind:
        """Describe the job."""
        return jobs.Kind(
            name="forget",
            steps=(jobs.Step("secrets", self.secrets),),
            finish=self.announce_removed,
            failed=self.announce_failure,
        )

    async def secrets(self, job: jobs.Job) -> None:
        """Empty the machines that still answer; provisioner takes them away meanwhile."""
        machines = await self.revisions.machines(job.deployment)
        await asyncio.gather(*(self._empty(it) for it in machines))

    async def _empty(self, machine: GrantedMachine) -> None:
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.hosts.at(machine).erase()
        except (errors.UnavailableError, errors.FaultError, TimeoutError):
            pass  # what only memory held has gone with the machine
        finally:
            await self.hosts.leave(machine.machine)
        await self.builder.discard(machine.machine)

    async def announce_removed(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Forget the deployment and say so."""
        await self.kept.forget(tx, job.deployment)
        await self.transfers.forget(tx, job.deployment)
        await self.conditions.forget(tx, job.deployment)
        await self.revisions.forget(tx, job.deployment)
        # Exports and imports were told secrets, and which machine ran what is nobody's any more.
        await jobs.forget(tx, job.deployment, job.run)
        return [SystemRemoved(deployment=job.deployment, run=job.run)]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, _: Transaction
    ) -> Sequence[Event]:
        """Say why the deployment could not be forgotten."""
        return [
            DeploymentFailed(
                deployment=job.deployment,
                run=job.run,
                failure=fall.failure,
                stage=fall.stage,
                outcome=Outcome.PARTIAL,
            )
        ]
