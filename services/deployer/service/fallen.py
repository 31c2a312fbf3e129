"""What a job failed with that another one cleans up after, and how both are told as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.deployer import DeploymentFailed
from shared.contracts.failures import Failure
from shared.contracts.messages import Value

from .verdict import OUTCOME

if TYPE_CHECKING:
    from shared import jobs
    from shared.contracts.failures import Outcome


class Fallen(Value):
    """What the first job failed with."""

    failure: Failure
    stage: str

    def told(self, job: jobs.Job, words: str, outcome: Outcome) -> DeploymentFailed:
        """Return the failure with what became of it, as the end of the run."""
        message = f"{self.failure.message.removesuffix('.')}. {words}"
        details = self.failure.details | {OUTCOME: outcome}
        return DeploymentFailed(
            deployment=job.deployment,
            run=job.run,
            revision=job.revision,
            failure=self.failure.model_copy(update={"message": message, "details": details}),
            stage=self.stage,
            outcome=outcome,
        )
