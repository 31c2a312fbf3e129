"""The job `withdraw`: the end of a deploy that was cancelled where machines may have been switched.

A machine that boots sends the job `deploy` back to before its last exit, and a cancelled one ends
there. Its other machines are under the eyes of their watchdogs then, and what the one that booted
runs is not known. So each is taken back, or found to be; what runs is seen over a fresh connection,
and only then told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import jobs
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value

from ..domain import RebootedError, SwitchResult, System
from .fallen import Fallen
from .running import in_one_boot
from .together import finished
from .verdict import OPEN, WORDS, outcome_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..ports import Hosts, Revisions
    from .timing import Timing

WITHDRAW: Final = "withdraw"
REASON: Final = "the run was cancelled"


class Withdrawal(Fallen):
    """What the deploy ended with, and what its machines may run."""

    systems: dict[str, str]
    """Machine → what it was to run."""
    active: dict[str, str]
    """Machine → what it ran before."""
    boots: dict[str, str]
    """Machine → the only boot in which it may have been switched and not taken back."""


class Withdrawn(Value):
    """What `withdraw` recorded."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawing:
    """Takes back what a cancelled deploy may have switched to, and says what runs."""

    revisions: Revisions
    hosts: Hosts
    timing: Timing

    def kind(self) -> jobs.Kind:
        """Describe the job."""
        return jobs.Kind(
            name=WITHDRAW,
            steps=(
                # After that time watchdogs have done it.
                jobs.Step(
                    WITHDRAW,
                    self.withdraw,
                    patience_seconds=self.timing.watchdog,
                    margin_seconds=900.0,
                ),
            ),
            finish=self.announce_withdrawn,
            failed=self.announce_failure,
            can_be_cancelled=False,
        )

    async def enqueue(self, job: jobs.Job, withdrawal: Withdrawal, tx: Transaction) -> None:
        """Let what a cancelled deploy has done be taken back; that ends its run."""
        await jobs.enqueue(
            tx,
            WITHDRAW,
            deployment=job.deployment,
            revision=job.revision,
            run=job.run,
            arguments=withdrawal,
        )

    async def withdraw(self, job: jobs.Job) -> Withdrawn:
        """Take every machine back, and see what it runs."""
        asked = job.asked(Withdrawal)
        revision = await self.revisions.revision(job.deployment, job.revision, job.run)
        found = await finished({it.machine: self._at(asked, it) for it in revision.machines})
        return Withdrawn(outcome=outcome_of({*found.values()}))

    async def _at(self, asked: Withdrawal, machine: GrantedMachine) -> SwitchResult:
        host, name = self.hosts.at(machine), machine.machine
        before, target = asked.active[name], System(asked.systems[name])
        seen = await host.look()
        is_same_boot = seen.boot_id == asked.boots.get(name)
        said = SwitchResult.NONE
        with in_one_boot(machine):
            if is_same_boot:
                said = (await host.refuse(seen.boot_id, target, REASON)).result
            await host.renew()
            now = await host.look()
            if now.boot_id != seen.boot_id:
                raise RebootedError(name)
        if said is SwitchResult.NONE and now.system == before:
            # A boot is a way back as well; from nowhere, where it ran this already.
            is_back = not is_same_boot and before != target
            return SwitchResult.ROLLED_BACK if is_back else SwitchResult.NONE
        if now.system == target:
            return SwitchResult.CONFIRMED
        return said if said is SwitchResult.ROLLED_BACK else SwitchResult.ROLLBACK_FAILED

    async def announce_withdrawn(self, job: jobs.Job, _: Transaction) -> Sequence[Event]:
        """Say that the run was cancelled, and what runs."""
        outcome = job.result(WITHDRAW, Withdrawn).outcome
        return [job.asked(Withdrawal).told(job, WORDS[outcome], outcome)]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, _: Transaction
    ) -> Sequence[Event]:
        """Say that nobody could see what runs."""
        why = fall.failure.message.removesuffix(".")
        words = OPEN.format(seconds=self.timing.watchdog)
        return [job.asked(Withdrawal).told(job, f"{words} ({why})", Outcome.PARTIAL)]
