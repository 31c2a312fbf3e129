"""The jobs `restart`, `quiesce` and `resume`: applications stop, stand still and go on.

Units that stand still are masked, which lasts over a boot: secrets and permit come back, the
application does not. A machine that boots in between is given what it needs, and the step repeats.
Before anything else, an import that never ended is taken back: nothing starts on half of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs
from shared.contracts.deployer import ApplicationQuiesced, ApplicationResumed, DeploymentFailed
from shared.contracts.deployments import Mode
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value

from ..domain import UnitVerb
from . import units
from .health import all_well
from .reverting import HALF
from .verdict import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import Catalogue
    from shared.clock import Clock
    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..ports import Conditions, Hosts
    from .reverting import Reverting
    from .running import Left, Running, Visit
    from .verdict import Verdict

QUIESCE: Final = "quiesce"
AWAKE: Final = "The run was cancelled. What had come to rest runs again."
STILL: Final = "The run was cancelled. The applications stood still before it, and they still do."
UNSURE: Final = "The applications may stand still now; restart them."


class Settled(Value):
    """The host names of the applications that stand still, or run again."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """Stops and starts what runs, without changing it."""

    running: Running
    reverting: Reverting
    hosts: Hosts
    catalogue: Catalogue
    verdict: Verdict
    conditions: Conditions
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
                # From here on a cancelled run brings back what it stopped.
                jobs.Step(QUIESCE, self.come_to_rest, last_exit=True),
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
        left = await self._whole(job)

        async def ask(visit: Visit) -> None:
            for package in units.packages(self.catalogue, visit.machine):
                for command in package.state.hooks.quiesce:
                    host = self.hosts.at(visit.machine)
                    if complaint := await host.perform(visit.boot_id, package.name, command):
                        raise errors.FaultError(
                            "application.not_quiesced",
                            f"{package.name} did not come to rest: {complaint}",
                        )

        if not left.is_still and not job.is_cancelled:
            await self.running.everywhere(left, ask)

    async def stand_still(self, job: jobs.Job) -> Settled:
        """Stop the units that the manifest names, and let nothing start them.

        In a run that was cancelled since the first of them was asked to come to rest, they go on.

        Raises:
            RunCancelledError: they do, or they stood still before this run.
        """
        left = await self._left(job)
        if job.is_cancelled:
            raise await self._gone_on(left)

        async def mask(visit: Visit) -> None:
            names = units.stopped(self.catalogue, visit.machine)
            await self.hosts.at(visit.machine).units(visit.boot_id, UnitVerb.MASK, names)

        await self.running.everywhere(left, mask)
        return _settled(left)

    async def stop(self, job: jobs.Job) -> None:
        """Stop every unit, the last one first."""
        left = await self._whole(job)

        async def stop_all(visit: Visit) -> None:
            names = units.every(self.catalogue, visit.machine)[::-1]
            await self.hosts.at(visit.machine).units(visit.boot_id, UnitVerb.STOP, names)

        await self.running.everywhere(left, stop_all)

    async def start(self, job: jobs.Job) -> None:
        """Start every unit that does not run, also those that stood still."""
        await self._start(await self._whole(job))

    async def _start(self, left: Left) -> None:
        async def start_all(visit: Visit) -> None:
            host, names = self.hosts.at(visit.machine), units.every(self.catalogue, visit.machine)
            await host.units(visit.boot_id, UnitVerb.UNMASK, names)
            await host.units(visit.boot_id, UnitVerb.START, names)

        await self.running.everywhere(left, start_all)

    async def health(self, job: jobs.Job) -> Settled:
        """Return when every application answers."""
        left = await self._left(job)
        await self._require_well(left)
        return _settled(left)

    async def _require_well(self, left: Left) -> None:
        await self.running.require_well(left, lambda: self.verdict.sick(left.revision))

    async def _gone_on(self, left: Left) -> jobs.RunCancelledError:
        """Let everything go on that ran before a pause, and return the failure that says so."""
        if left.is_still:
            return jobs.RunCancelledError(STILL, details={OUTCOME: Outcome.UNCHANGED})
        await self._start(left)
        await self._require_well(left)
        return jobs.RunCancelledError(AWAKE, details={OUTCOME: Outcome.ROLLED_BACK})

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
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Say what failed; beyond the first step nobody knows which units run."""
        failure = fall.failure
        outcome, words = await self._left_by(job, fall, tx)
        if words:
            message = f"{failure.message.removesuffix('.')}. {words}"
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

    async def _left_by(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> tuple[Outcome, str]:
        """Return the state that a job left things in, and what else there is to say about it."""
        code, details = fall.failure.code, fall.failure.details
        if OUTCOME in details:
            return Outcome(details[OUTCOME]), ""
        if code == jobs.CANCELLED:
            return Outcome.UNCHANGED, ""  # before the first step, or there would be details
        if await self.reverting.is_open(job.deployment, tx):
            return Outcome.PARTIAL, HALF
        if fall.stage == QUIESCE:
            return Outcome.UNCHANGED, ""
        return Outcome.PARTIAL, UNSURE

    async def _whole(self, job: jobs.Job) -> Left:
        """Return what the last deploy left, once no half of an import is in its place."""
        left = await self._left(job)
        await self.reverting.settle(job.deployment)
        return left

    async def _left(self, job: jobs.Job) -> Left:
        """Return what the last deploy left, which must be something that runs."""
        left = await self.running.left(job.deployment)
        if left.revision.wanted.mode is Mode.ACTIVE:
            return left
        raise errors.ConflictError(
            "deployment.nothing_runs",
            "this deployment is only prepared, and nothing of it runs; deploy it first",
            details={OUTCOME: Outcome.UNCHANGED},
        )


def _settled(left: Left) -> Settled:
    return Settled(hosts=tuple(it.host for it in left.revision.wanted.applications))
