"""The jobs `restart`, `quiesce` and `resume`: applications stop, stand still and go on.

Units that stand still are masked, which lasts over a boot: secrets and permit come back, the
application does not. A machine that boots in between is given what it needs, and the step repeats.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs
from shared.contracts.deployer import ApplicationQuiesced, ApplicationResumed, DeploymentFailed
from shared.contracts.deployments import Mode
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value

from ..domain import RebootedError, UnitVerb
from . import units
from .health import all_well
from .verdict import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import Catalogue
    from shared.clock import Clock
    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..domain import Generation, Revision
    from ..ports import Conditions, Hosts, Revisions
    from .contents import Contents
    from .health import Transactions
    from .verdict import Verdict

Do = Callable[["GrantedMachine", str], Awaitable[None]]
"""Does something with a machine, in a boot of it."""
QUIESCE: Final = "quiesce"
UNSURE: Final = "The applications may stand still now; restart them."


class Settled(Value):
    """The host names of the applications that stand still, or run again."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """Stops and starts what runs, without changing it."""

    revisions: Revisions
    hosts: Hosts
    catalogue: Catalogue
    contents: Contents
    verdict: Verdict
    conditions: Conditions
    transaction: Transactions
    clock: Clock

    def restart(self) -> jobs.Kind:
        """Describe the job that stops everything and starts it again."""
        return jobs.Kind(
            name="restart",
            steps=(
                # Who begins to stop something has to bring it back.
                jobs.Step("stop", self.stop, last_exit=True),
                jobs.Step("start", self.start),
                jobs.Step("health", self.health),
            ),
            finish=self.announce_resumed,
            failed=self.announce_failure,
        )

    def quiesce(self) -> jobs.Kind:
        """Describe the job that lets applications stand still."""
        return jobs.Kind(
            name="quiesce",
            steps=(
                jobs.Step(QUIESCE, self.come_to_rest),
                jobs.Step("stop", self.stand_still, last_exit=True),
            ),
            finish=self.announce_quiesced,
            failed=self.announce_failure,
        )

    def resume(self) -> jobs.Kind:
        """Describe the job that lets them go on."""
        return jobs.Kind(
            name="resume",
            steps=(
                jobs.Step("start", self.start, last_exit=True),
                jobs.Step("health", self.health),
            ),
            finish=self.announce_resumed,
            failed=self.announce_failure,
        )

    async def come_to_rest(self, job: jobs.Job) -> None:
        """Let applications finish what should not be interrupted, unless they stand already."""
        async with self.transaction() as tx:
            if await self.conditions.is_paused(tx, job.deployment):
                return

        async def ask(machine: GrantedMachine, boot_id: str) -> None:
            for package in units.packages(self.catalogue, machine):
                for command in package.state.hooks.quiesce:
                    host = self.hosts.at(machine)
                    if complaint := await host.perform(boot_id, package.name, command):
                        raise errors.FaultError(
                            "application.not_quiesced",
                            f"{package.name} did not come to rest: {complaint}",
                        )

        await self._everywhere(job, ask)

    async def stand_still(self, job: jobs.Job) -> Settled:
        """Stop the units that the manifest names, and let nothing start them."""

        async def mask(machine: GrantedMachine, boot_id: str) -> None:
            names = units.stopped(self.catalogue, machine)
            await self.hosts.at(machine).units(boot_id, UnitVerb.MASK, names)

        await self._everywhere(job, mask)
        return await self._settled(job)

    async def stop(self, job: jobs.Job) -> None:
        """Stop every unit, the last one first."""

        async def stop_all(machine: GrantedMachine, boot_id: str) -> None:
            names = units.every(self.catalogue, machine)[::-1]
            await self.hosts.at(machine).units(boot_id, UnitVerb.STOP, names)

        await self._everywhere(job, stop_all)

    async def start(self, job: jobs.Job) -> None:
        """Start every unit that does not run, also those that stood still."""

        async def start_all(machine: GrantedMachine, boot_id: str) -> None:
            host, names = self.hosts.at(machine), units.every(self.catalogue, machine)
            await host.units(boot_id, UnitVerb.UNMASK, names)
            await host.units(boot_id, UnitVerb.START, names)

        await self._everywhere(job, start_all)

    async def health(self, job: jobs.Job) -> Settled:
        """Return when every application answers."""
        boots = await self._everywhere(job)
        revision, _ = await self._left(job)
        sick = await self.verdict.sick(revision)
        if sick and await self._everywhere(job) != boots:
            raise errors.UnavailableError("machine.rebooted", "a machine has booted meanwhile")
        if sick:
            raise errors.FaultError("application.not_healthy", "; ".join(sick))
        return await self._settled(job)

    async def announce_quiesced(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Remember that the applications stand still, so that nobody calls them sick."""
        await self.conditions.pause(tx, job.deployment)
        hosts = job.result("stop", Settled).hosts
        return [
            ApplicationQuiesced(deployment=job.deployment, run=job.run, hosts=hosts),
            *await all_well(self.conditions, job.deployment, self.clock.now(), tx),
        ]

    async def announce_resumed(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Remember that the applications are to run."""
        await self.conditions.resume(tx, job.deployment)
        hosts = job.result("health", Settled).hosts
        return [ApplicationResumed(deployment=job.deployment, run=job.run, hosts=hosts)]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, _: Transaction
    ) -> Sequence[Event]:
        """Say what failed; beyond the first step nobody knows which units run."""
        failure = fall.failure
        is_untouched = fall.stage == QUIESCE or failure.code == jobs.CANCELLED
        usual = Outcome.UNCHANGED if is_untouched else Outcome.PARTIAL
        outcome = Outcome(failure.details.get(OUTCOME, usual))
        if outcome is Outcome.PARTIAL:
            message = f"{failure.message.removesuffix('.')}. {UNSURE}"
            failure = failure.model_copy(update={"message": message})
        return [
            DeploymentFailed(
                deployment=job.deployment,
                run=job.run,
                failure=failure,
                stage=fall.stage,
                outcome=outcome,
            )
        ]

    async def _everywhere(self, job: jobs.Job, do: Do | None = None) -> dict[str, str]:
        """Do something with every machine, once it has what its units need; return their boots."""
        revision, generations = await self._left(job)

        async def at_one(generation: Generation) -> str:
            machine = next(it for it in revision.machines if it.machine == generation.machine)
            try:
                boot_id = await self.contents.restore(job.deployment, generation)
                if do:
                    await do(machine, boot_id)
            except RebootedError as error:
                raise errors.UnavailableError(
                    "machine.rebooted", f"{machine.machine} has booted meanwhile"
                ) from error
            return boot_id

        found = await asyncio.gather(*(at_one(it) for it in generations), return_exceptions=True)
        boots: dict[str, str] = {}
        for generation, boot_id in zip(generations, found, strict=True):
            if isinstance(boot_id, BaseException):
                raise boot_id
            boots[generation.machine] = boot_id
        return boots

    async def _left(self, job: jobs.Job) -> tuple[Revision, Sequence[Generation]]:
        """Return what the last deploy left."""
        generations = await self.revisions.generations(job.deployment)
        if generations:
            first = generations[0]
            revision = await self.revisions.revision(job.deployment, first.revision, first.run)
            if revision.wanted.mode is Mode.ACTIVE:
                return revision, generations
        raise errors.ConflictError(
            "deployment.nothing_runs",
            "nothing of this deployment runs; deploy it first",
            details={OUTCOME: Outcome.UNCHANGED},
        )

    async def _settled(self, job: jobs.Job) -> Settled:
        revision, _ = await self._left(job)
        return Settled(hosts=tuple(it.host for it in revision.wanted.applications))
