"""The outside check: a run succeeds only when its applications answer as the world sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from shared import jobs
from shared.contracts.deployments import MachineRequest
from shared.contracts.failures import Outcome
from shared.contracts.messages import Value

from ..domain.runs import RunFailure, RunState
from .conductor import SERVICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.contracts.provisioner import RoutePublished
    from shared.database import Transaction

    from ..domain.deployments import Revision
    from ..ports import DeploymentRegister, OutsideView, RunRegister
    from .conductor import Conductor
    from .hosts import Hosts

KIND: Final = "check"


class Targets(Value):
    """What to look at from outside."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Look at every application of a run from outside, and end the run."""

    deployments: DeploymentRegister
    runs: RunRegister
    hosts: Hosts
    conductor: Conductor
    outside: OutsideView
    patience_seconds: float

    def kind(self) -> jobs.Kind:
        """Return the job that does it."""
        step = jobs.Step("check", self.check, patience_seconds=self.patience_seconds)
        return jobs.Kind(name=KIND, steps=(step,), finish=self.finish, failed=self.failed)

    async def check(self, job: jobs.Job) -> None:
        """Fetch every application's health page, through DNS and edge, until each answers."""
        urls = job.asked(Targets).urls
        for done, url in enumerate(urls, start=1):
            await self.outside.look(url)
            await job.report(f"{url} answers", done=done, total=len(urls), unit="applications")

    async def finish(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Mark the revision as deployed and the run as succeeded."""
        deployment = await self.deployments.lock(tx, job.deployment)
        run = await self.runs.lock(tx, job.run)
        if deployment is None or run is None or run.state.has_ended:
            return ()
        await self.deployments.mark_deployed(tx, job.deployment, job.revision)
        # Deployer has said so before, unless that could not be read.
        await self.deployments.note_running(tx, job.deployment, job.revision, job.run)
        await self._free_hosts(tx, job)
        await self.conductor.end(tx, run, RunState.SUCCEEDED)
        return ()

    async def _free_hosts(self, tx: Transaction, job: jobs.Job) -> None:
        """Let go of hosts that lead nowhere any more."""
        staged = await self.deployments.find_configuration(tx, job.deployment)
        await self.hosts.hold(tx, job.deployment, staged.applications if staged else ())

    async def failed(self, job: jobs.Job, fall: jobs.Fall, tx: Transaction) -> Sequence[Event]:
        """End the run: everything is in place, and nobody outside can reach it."""
        await self.deployments.lock(tx, job.deployment)
        run = await self.runs.lock(tx, job.run)
        if run is None or run.state.has_ended:
            return ()
        await self.conductor.fail_step(tx, run, SERVICE, fall.stage)
        failure = RunFailure(
            failure=fall.failure, service=SERVICE, stage=fall.stage, outcome=Outcome.PARTIAL
        )
        await self.conductor.end(tx, run, RunState.FAILED, failure)
        return ()


def targets(event: RoutePublished, revision: Revision) -> Targets:
    """Return the health page of every published route."""
    paths = {
        it.application: it.health_path
        for it in revision.resources
        if isinstance(it, MachineRequest)
    }
    return Targets(
        urls=tuple(urljoin(it.url, paths.get(it.application, "/")) for it in event.routes)
    )
