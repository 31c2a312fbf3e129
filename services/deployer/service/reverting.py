"""The job `revert`: what an import has changed is put back, and the failure says whether it was.

It is a job of its own, so that nothing keeps it from being done: not what the import failed with,
nor that its run was cancelled. What even it could not reach is settled before anything else is done
with the deployment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs, telemetry
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value

from ..domain import Folder, FolderVerb
from .fallen import Fallen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..domain import Import
    from ..ports import ApplicationSecrets, Transfers
    from .halting import Halting
    from .running import Left, Running, Visit
    from .trying import Trying

START: Final = "start"
BACK: Final = "The state of before is back."
LATER: Final = (
    "The applications stand still, as a machine does not answer; the state of before is put back "
    "as soon as it does and something is done with the deployment: deploy or restore again."
)
HALF: Final = (
    "A restore was not taken back yet, and nothing starts on half of it. Whatever is done next "
    "takes it back first: deploy or restart again."
)
STUCK: Final = "The state of before could not be brought to run; the provider has to look."


class Reverted(Value):
    """What `start` recorded."""

    ailments: tuple[str, ...]
    """What is wrong with the applications on the state of before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverting:
    """Puts back what imports have changed."""

    running: Running
    halting: Halting
    secrets: ApplicationSecrets
    transfers: Transfers
    trying: Trying

    def kind(self) -> jobs.Kind:
        """Describe the job."""
        return jobs.Kind(
            name="revert",
            steps=(jobs.Step(START, self.revert, margin_seconds=900.0),),
            finish=self.announce_reverted,
            failed=self.announce_failure,
            can_be_cancelled=False,
        )

    async def enqueue(self, job: jobs.Job, fall: jobs.Fall, tx: Transaction) -> None:
        """Let what a failed import has changed be put back; that ends its run."""
        await jobs.enqueue(
            tx,
            self.kind().name,
            deployment=job.deployment,
            revision=job.revision,
            run=job.run,
            arguments=Fallen(failure=fall.failure, stage=fall.stage),
        )

    async def settle(self, deployment: str, granted: Sequence[GrantedMachine] = ()) -> None:
        """Put back what an import left that never ended, or remove what it set aside.

        A deploy says which machines it was granted. One that was made anew runs another system than
        the machine before it was left with; what is not there any more needs no putting back.
        """
        begun = await self.transfers.unsettled(deployment)
        if begun is None:
            return
        telemetry.log.warning("import_settled", deployment=deployment, export=begun.export)
        left = await self.running.left(deployment)
        if granted:
            left = await self._without_strangers(left.reached_at(granted), begun)
        if begun.is_accepted:
            # Else the next import that is taken back would bring secrets of before this one.
            async with self.running.transaction() as tx:
                await self.secrets.settle(tx, deployment)
            await self.drop(left, begun)
            await self.transfers.settle(deployment)
        else:
            await self._put_back_at_least(left, begun)

    async def is_open(self, deployment: str, tx: Transaction) -> bool:
        """Say whether there may be half of an import in place of what was there before it."""
        begun = await self.transfers.unsettled(deployment, tx)
        return begun is not None and not begun.is_accepted

    async def _without_strangers(self, left: Left, begun: Import) -> Left:
        """Settle what there is on machines that run another system, without starting anything."""

        async def settle_here(visit: Visit) -> None:
            for package in self.halting.packages(visit, begun.applications):
                found = await self.halting.fold(visit, FolderVerb.STATUS, package, begun.export)
                if found is Folder.NONE:
                    telemetry.log.warning(
                        "import_lost_with_its_machine",
                        deployment=left.revision.wanted.deployment,
                        machine=visit.machine.machine,
                        application=package.name,
                        export=begun.export,
                    )
                elif begun.is_accepted:
                    await self.halting.fold(visit, FolderVerb.DROP, package, begun.export)
                elif found:
                    await self.halting.halt(visit, left, package)
                    await self.halting.fold(visit, FolderVerb.PUT_BACK, package, begun.export)

        return await self.running.without_strangers(left, settle_here)

    async def _put_back_at_least(self, left: Left, begun: Import) -> None:
        """Put everything back; what does not run on that is for whoever asked to mend, or to tell.

        Raises:
            HostingError: it is not back.
        """
        deployment = left.revision.wanted.deployment
        try:
            await self._put_back(left, begun)
        except (errors.FaultError, errors.RejectedError) as error:
            if await self.transfers.unsettled(deployment) is not None:
                raise
            telemetry.log.warning(
                "state_of_before_does_not_run", deployment=deployment, reason=error.in_full
            )

    async def drop(self, left: Left, begun: Import) -> None:
        """Remove what was set aside."""

        async def drop_here(visit: Visit) -> None:
            for package in self.halting.packages(visit, begun.applications):
                await self.halting.fold(visit, FolderVerb.DROP, package, begun.export)

        await self.running.everywhere(left, drop_here)

    async def revert(self, job: jobs.Job) -> Reverted:
        """Put folders and secrets back, and start everything on them."""
        begun = await self.transfers.unsettled(job.deployment)
        left = await self.running.left(job.deployment)
        if begun is None:
            return Reverted(ailments=())
        await self._put_back(left, begun)
        return Reverted(ailments=tuple(await self.trying.ailments(left, begun.applications)))

    async def _put_back(self, left: Left, begun: Import) -> None:
        deployment = left.revision.wanted.deployment

        async def put_back_here(visit: Visit) -> None:
            for package in self.halting.packages(visit, begun.applications):
                await self.halting.halt(visit, left, package)
                await self.halting.fold(visit, FolderVerb.PUT_BACK, package, begun.export)

        async def bring_up_here(visit: Visit) -> None:
            await self.halting.place(visit, left)
            for package in self.halting.packages(visit, begun.applications):
                await self.halting.bring_up(visit, left, package)

        await self.running.everywhere(left, put_back_here)
        await self.secrets.put_back(deployment)
        try:
            await self.running.everywhere(left, bring_up_here)
        except (errors.FaultError, errors.RejectedError):
            # The state of before is back; that it does not run is for the next deploy to mend.
            await self.transfers.settle(deployment)
            raise
        await self.transfers.settle(deployment)

    async def announce_reverted(self, job: jobs.Job, _: Transaction) -> Sequence[Event]:
        """Say what the import failed with, and that all is as before."""
        words = BACK
        if ailments := job.result(START, Reverted).ailments:
            words = f"{BACK} It was not well on that either: {'; '.join(ailments)}."
        return [job.asked(Fallen).told(job, words, Outcome.ROLLED_BACK)]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, _: Transaction
    ) -> Sequence[Event]:
        """Say what the import failed with, and what is not as before."""
        why = fall.failure.message.removesuffix(".")
        if fall.failure.retryable:
            return [job.asked(Fallen).told(job, f"{LATER} ({why})", Outcome.PARTIAL)]
        return [job.asked(Fallen).told(job, f"{STUCK} ({why})", Outcome.ROLLBACK_FAILED)]
