"""The job `revert`: what an import has changed is put back, and the failure says whether it was.

It is a job of its own, so that nothing keeps it from being done: not what the import failed with,
nor that its run was cancelled. What even it could not reach is settled before anything else is done
with the deployment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs, telemetry
from shared.contracts.deployer import DeploymentFailed
from shared.contracts.failures import Failure, Outcome
from shared.contracts.messages import Value

from ..domain import FolderVerb
from .verdict import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Sequence

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
STUCK: Final = "The state of before could not be brought to run; the provider has to look."


class Fallen(Value):
    """What the import failed with."""

    failure: Failure
    stage: str


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

    async def settle(self, deployment: str) -> None:
        """Put back what an import left that never ended, or remove what it set aside."""
        begun = await self.transfers.unsettled(deployment)
        if begun is None:
            return
        telemetry.log.warning("import_settled", deployment=deployment, export=begun.export)
        left = await self.running.left(deployment)
        if begun.is_accepted:
            # Else the next import that is taken back would bring secrets of before this one.
            async with self.running.transaction() as tx:
                await self.secrets.settle(tx, deployment)
            await self.drop(left, begun)
            await self.transfers.settle(deployment)
        else:
            await self._put_back(left, begun)

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
        return [_failed(job, words, Outcome.ROLLED_BACK)]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, _: Transaction
    ) -> Sequence[Event]:
        """Say what the import failed with, and what is not as before."""
        why = fall.failure.message.removesuffix(".")
        if fall.failure.retryable:
            return [_failed(job, f"{LATER} ({why})", Outcome.PARTIAL)]
        return [_failed(job, f"{STUCK} ({why})", Outcome.ROLLBACK_FAILED)]


def _failed(job: jobs.Job, words: str, outcome: Outcome) -> DeploymentFailed:
    fallen = job.asked(Fallen)
    message = f"{fallen.failure.message.removesuffix('.')}. {words}"
    details = fallen.failure.details | {OUTCOME: outcome}
    return DeploymentFailed(
        deployment=job.deployment,
        run=job.run,
        revision=job.revision,
        failure=fallen.failure.model_copy(update={"message": message, "details": details}),
        stage=fallen.stage,
        outcome=outcome,
    )
