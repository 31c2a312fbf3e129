"""The job `deploy`: build, copy, secrets, switch, health, for every machine of a revision.

A machine is only left with a system whose applications answered and which could be entered over a
fresh connection. Anything else is taken back, and the failure says whether that succeeded. A
machine that boots in between sends the job back to `copy`.

A prepared revision runs engines only: no secret is made for it, no epoch is claimed, nobody asks
its applications how they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import Field

from shared import errors, jobs, telemetry
from shared.contracts.deployer import ActiveSystem, ConfigDeployed, DeploymentFailed
from shared.contracts.deployments import Mode
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value

from ..domain import (
    FIRST_EPOCH,
    NO_EPOCH,
    Generation,
    Permit,
    Sighting,
    Switch,
    SwitchResult,
    System,
)
from .together import each
from .verdict import OPEN, OUTCOME, Trial
from .withdrawing import Withdrawal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..domain import Revision
    from ..ports import Conditions, Hosts, Revisions, SystemBuilder
    from ..render import Renderer
    from .keeping import Keeping
    from .placing import Placing
    from .timing import Timing
    from .verdict import Verdict
    from .withdrawing import Withdrawing

BUILD, COPY, SECRETS, SWITCH, HEALTH = "build", "copy", "secrets", "switch", "health"
HARMLESS: Final = frozenset({BUILD, COPY, SECRETS})
"""Steps after which everything that ran before still runs."""
COMMANDS_SECONDS: Final = 3000.0
"""For building and copying: their commands have limits of their own, ten minutes each."""
GOOD: Final = frozenset({SwitchResult.ACTIVATED, SwitchResult.UNCHANGED})
WATCHES: Final = ("contents", "health")
ENDLESS: Final = "the activation did not come to an end"


class Built(Value):
    """What `build` recorded."""

    systems: dict[str, str]
    """Machine → store path."""
    boots: dict[str, str]
    active: dict[str, str]
    """What each machine ran."""


class Reached(Value):
    """What `copy` and `secrets` recorded: the boot of each machine."""

    run: str
    boots: dict[str, str]
    epochs: dict[str, int] = Field(default_factory=dict)
    """Machine → the epoch that its permit is for."""


class Switched(Value):
    """What `switch` and `health` recorded."""

    run: str = ""
    boots: dict[str, str]
    generations: dict[str, int]
    unchanged: tuple[str, ...]
    """Machines that ran the system before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """Brings a complete revision to run."""

    revisions: Revisions
    renderer: Renderer
    builder: SystemBuilder
    hosts: Hosts
    keeping: Keeping
    placing: Placing
    verdict: Verdict
    withdrawing: Withdrawing
    conditions: Conditions
    settle: Callable[[str, Sequence[GrantedMachine]], Awaitable[None]]
    """Puts back what an import left that never ended, where that still exists."""
    timing: Timing

    def kind(self) -> jobs.Kind:
        """Describe the job."""
        return jobs.Kind(
            name="deploy",
            steps=(
                jobs.Step(BUILD, self.build, margin_seconds=COMMANDS_SECONDS),
                jobs.Step(COPY, self.copy, margin_seconds=COMMANDS_SECONDS),
                jobs.Step(SECRETS, self.secrets),
                jobs.Step(SWITCH, self.switch, last_exit=True),
                jobs.Step(HEALTH, self.health),
            ),
            finish=self.announce_deployed,
            failed=self.announce_failure,
        )

    async def build(self, job: jobs.Job) -> Built:
        """Build the system of every machine, and connect to the machines meanwhile."""
        revision = await self._revision(job)
        await self.settle(job.deployment, revision.machines)
        kept = await self.keeping.ensure(revision)

        async def build_one(machine: GrantedMachine) -> tuple[Sighting, str]:
            arguments = self.renderer.arguments(revision, machine, kept)
            return await asyncio.gather(
                self.hosts.at(machine).look(), self.builder.build(machine.machine, arguments)
            )

        found = await each(revision.machines, build_one)
        return Built(
            systems={name: system for name, (_, system) in found.items()},
            boots={name: seen.boot_id for name, (seen, _) in found.items()},
            active={name: seen.system for name, (seen, _) in found.items()},
        )

    async def copy(self, job: jobs.Job) -> Reached:
        """Bring each system to its machine; what lay there before a boot is checked first."""
        built = job.result(BUILD, Built)
        earlier = job.previous(COPY, Reached)
        is_repeated = job.attempt > 1 or (earlier is not None and earlier.run == job.run)

        async def copy_one(machine: GrantedMachine) -> str:
            name, host = machine.machine, self.hosts.at(machine)
            system = System(built.systems[name])
            # `build` has looked a moment ago, unless this is not the first time.
            seen = Sighting(boot_id=built.boots[name], system=built.active[name])
            if is_repeated:
                seen = await host.look()
            last_boot = earlier.boots.get(name) if earlier else None
            has_booted = last_boot not in (None, seen.boot_id)
            if seen.system != system or has_booted:
                await host.copy(system, verify=has_booted)
            return seen.boot_id

        boots = await each((await self._revision(job)).machines, copy_one)
        return Reached(run=job.run, boots=boots)

    async def secrets(self, job: jobs.Job) -> Reached:
        """Place secrets and start permit in the memory of each machine."""
        revision = await self._revision(job)
        systems, boots = job.result(BUILD, Built).systems, job.result(COPY, Reached).boots
        generations = await self.revisions.generations(job.deployment)
        known = {it.machine: it.epoch for it in generations}

        async def place_one(machine: GrantedMachine) -> int:
            name = machine.machine
            epoch = await self.placing.epoch(revision, machine)
            permit = Permit(epoch=epoch, boot_id=boots[name], known=known.get(name, NO_EPOCH))
            await self.placing.place(revision, machine, System(systems[name]), permit)
            return epoch

        return Reached(run=job.run, boots=boots, epochs=await each(revision.machines, place_one))

    async def switch(self, job: jobs.Job) -> Switched:
        """Switch each machine, under the eyes of its watchdog."""
        systems, boots = job.result(BUILD, Built).systems, job.result(COPY, Reached).boots
        faults: list[errors.FaultError] = []

        async def switch_one(machine: GrantedMachine) -> Switch:
            name = machine.machine
            host = self.hosts.at(machine)
            try:
                return await host.switch(boots[name], System(systems[name]), self.timing.watchdog)
            except errors.FaultError as error:
                # What other machines switched to has to be taken back first.
                faults.append(error)
                return Switch(result=SwitchResult.NONE, generation=0, reason=error.message)

        found = await each((await self._revision(job)).machines, switch_one)
        switched = Switched(
            run=job.run,
            boots=boots,
            generations={name: it.generation for name, it in found.items()},
            unchanged=tuple(name for name, it in found.items() if _stayed(job, name, it)),
        )
        failed = [it for it in found.values() if it.result not in GOOD]
        if failed:
            reason = failed[0].reason or ENDLESS
            error = await self.verdict.take_back(await self._trial(job, switched), reason)
            raise _with_cause(error, faults)
        return switched

    async def health(self, job: jobs.Job) -> Switched:
        """Keep the systems when every application answers; take them back when one does not.

        They are taken back as well when the run was cancelled.
        """
        switched = job.result(SWITCH, Switched)
        trial = await self._trial(job, switched)
        if job.is_cancelled:
            await self.verdict.give_up(trial)
        else:
            await self.verdict.reach(trial, was_interrupted=job.attempt > 1)
        return switched

    async def announce_deployed(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Record what runs now and say so."""
        revision = await self._revision(job, tx)
        switched, systems = job.result(HEALTH, Switched), job.result(BUILD, Built).systems
        epochs = job.result(SECRETS, Reached).epochs
        is_active = revision.wanted.mode is Mode.ACTIVE
        generations = [
            Generation(
                machine=machine,
                number=number,
                system=System(systems[machine]),
                boot_id=switched.boots[machine],
                revision=job.revision,
                run=job.run,
                epoch=epochs.get(machine, FIRST_EPOCH),
            )
            for machine, number in switched.generations.items()
        ]
        has_changed = await self.revisions.keep(tx, job.deployment, generations)
        await self.conditions.resume(tx, job.deployment)
        for watch in WATCHES:
            await jobs.start_watch(tx, watch, job.deployment)
        return [
            ConfigDeployed(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                changed=has_changed,
                systems=tuple(
                    ActiveSystem(machine=it.machine, system=it.system, generation=it.number)
                    for it in generations
                ),
                media=tuple(it.public for it in revision.buckets if it.public and is_active),
                credentials=tuple(await self.keeping.announce(tx, revision)) if is_active else (),
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Say what failed, and what runs now; or let somebody look who says that."""
        failure, usual = fall.failure, Outcome.UNCHANGED
        if OUTCOME not in failure.details and _may_have_switched(job, fall.stage):
            if failure.code == jobs.CANCELLED:
                await self._withdraw(job, fall, tx)
                return []
            usual = Outcome.PARTIAL
            words = OPEN.format(seconds=self.timing.watchdog)
            failure = failure.model_copy(
                update={"message": f"{failure.message.removesuffix('.')}. {words}"}
            )
        return [
            DeploymentFailed(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                failure=failure,
                stage=fall.stage,
                outcome=Outcome(failure.details.get(OUTCOME, usual)),
            )
        ]

    async def _withdraw(self, job: jobs.Job, fall: jobs.Fall, tx: Transaction) -> None:
        built, reached = job.result(BUILD, Built), job.previous(SECRETS, Reached)
        await self.withdrawing.enqueue(
            job,
            Withdrawal(
                failure=fall.failure,
                stage=fall.stage,
                systems=built.systems,
                active=built.active,
                boots=reached.boots if reached else {},
            ),
            tx,
        )

    async def _revision(self, job: jobs.Job, tx: Transaction | None = None) -> Revision:
        revision = await self.revisions.revision(job.deployment, job.revision, job.run, tx)
        if revision.wanted.mode is Mode.FENCED:
            raise errors.InvalidError(
                "deployment.mode", f"a deployment cannot be {revision.wanted.mode} here yet"
            )
        return revision

    async def _trial(self, job: jobs.Job, switched: Switched) -> Trial:
        systems = job.result(BUILD, Built).systems
        return Trial(
            revision=await self._revision(job),
            systems={name: System(it) for name, it in systems.items()},
            boots=switched.boots,
            unchanged=frozenset(switched.unchanged),
        )


def _may_have_switched(job: jobs.Job, stage: str) -> bool:
    """Say whether a machine may run, or keep, something that this run has switched to.

    A machine that booted sends the job back to before `secrets`, which were done by then.
    """
    placed = job.previous(SECRETS, Reached)
    return stage not in HARMLESS or (placed is not None and placed.run == job.run)


def _stayed(job: jobs.Job, machine: str, switch: Switch) -> bool:
    """Say whether there is nothing of this run to take back from a machine."""
    built = job.result(BUILD, Built)
    ran_already = built.active[machine] == built.systems[machine]
    return switch.result is SwitchResult.UNCHANGED or (
        switch.result is SwitchResult.NONE and ran_already
    )


def _with_cause(error: errors.FaultError, faults: Sequence[errors.FaultError]) -> errors.FaultError:
    """Give the failure of a switch the code of the fault that it began with, if there was one."""
    if not faults:
        return error
    telemetry.log.warning("switch_failed", code=faults[0].code, reason=faults[0].in_full)
    return errors.FaultError(faults[0].code, error.message, details=error.details)
