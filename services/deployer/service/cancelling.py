"""The job `cancel`: the answer to a cancelled deploy that nobody else gives.

Until machines and buckets are there, deployer has no work that could stop. Whoever makes them says
that the run is cancelled; but when they are away, the run must not wait for them for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, jobs
from shared.contracts.deployer import DeploymentFailed
from shared.contracts.failures import Failure, Outcome

from .deploying import BUILD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..ports import Revisions
    from .timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelling:
    """Waits a while for others to answer, and answers in their place."""

    revisions: Revisions
    timing: Timing

    def kind(self) -> jobs.Kind:
        """Describe the job."""
        return jobs.Kind(
            name="cancel",
            steps=(jobs.Step("wait", self.wait, patience_seconds=self.timing.cancellation),),
            finish=self.say_nothing,
            failed=self.announce_cancelled,
            can_be_cancelled=False,
        )

    async def wait(self, job: jobs.Job) -> None:
        """Return when the revision is complete: the job `deploy` answers then."""
        if await self.revisions.lacking(job.deployment, job.run) is not None:
            raise errors.UnavailableError(
                "revision.incomplete", "Waiting for machines and buckets, or for who makes them."
            )

    async def say_nothing(self, _: jobs.Job, __: Transaction) -> Sequence[Event]:
        """Leave the word to others."""
        return []

    async def announce_cancelled(
        self, job: jobs.Job, _: jobs.Fall, __: Transaction
    ) -> Sequence[Event]:
        """Say that the run ends here; what was made of machines and buckets is not known."""
        return [
            DeploymentFailed(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                failure=Failure(
                    code=jobs.CANCELLED,
                    message="The run was cancelled before its machines and buckets were ready.",
                    retryable=True,
                ),
                stage=BUILD,
                outcome=Outcome.PARTIAL,
            )
        ]
