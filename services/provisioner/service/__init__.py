"""What provisioner listens to, and what it answers.

Handlers write down what is wanted; jobs and watches see to it in the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import jobs
from shared.contracts.deployer import ApplicationQuiesced, ApplicationResumed, ConfigDeployed
from shared.contracts.deployments import BucketRequest, MachineRequest, Mode
from shared.contracts.failures import Outcome
from shared.contracts.panel import (
    CancelRequested,
    DeploymentRemovalRequested,
    DeploymentRequested,
)
from shared.contracts.provisioner import (
    MaintenanceChanged,
    ProvisioningFailed,
    RoutePublished,
    VMReady,
    VMRemoved,
)

from ..domain import ApplicationHost, Door
from .machines import Machines
from .publication import Publication
from .values import Announced, Maintained, Published, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bus.consumer import Routes
    from shared.contracts.messages import Event, RunEvent
    from shared.database import Transaction


__all__ = ["Machines", "Provisioner", "Publication"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioner:
    """Turn requested deployments into machines that are reached from outside."""

    machines: Machines
    publication: Publication

    async def on_deployment_requested(self, event: DeploymentRequested, tx: Transaction) -> None:
        """Write down what the revision needs; a job provides it."""
        hosts = _hosts(event)
        await self.publication.repository.remember_hosts(
            tx, event.deployment, event.revision, hosts
        )
        requests = tuple(it for it in event.resources if isinstance(it, MachineRequest))
        await jobs.enqueue(
            tx,
            "provision",
            deployment=event.deployment,
            revision=event.revision,
            run=event.run,
            arguments=Wanted(machines=requests, hosts=tuple(it.host for it in hosts)),
        )

    async def on_config_deployed(self, event: ConfigDeployed, tx: Transaction) -> None:
        """Publish the revision that runs."""
        await jobs.enqueue(
            tx,
            "route",
            deployment=event.deployment,
            revision=event.revision,
            run=event.run,
            arguments=Announced(media=event.media),
        )

    async def on_removal_requested(
        self, event: DeploymentRemovalRequested, tx: Transaction
    ) -> None:
        """Write down that the deployment's machines are to be gone; a job removes them."""
        await self.machines.take_away(tx, event.deployment)
        await jobs.enqueue(tx, "withdraw", deployment=event.deployment, revision=0, run=event.run)

    async def on_cancel_requested(self, event: CancelRequested, tx: Transaction) -> None:
        """Let what is done for the run stop after its current step."""
        await jobs.cancel(tx, event.deployment, event.run)

    async def on_application_quiesced(self, event: ApplicationQuiesced, tx: Transaction) -> None:
        """Let the edge speak for applications that stand still."""
        await self._maintain(tx, event, Maintained(hosts=event.hosts, on=True))

    async def on_application_resumed(self, event: ApplicationResumed, tx: Transaction) -> None:
        """Hand requests on to applications that run again."""
        await self._maintain(tx, event, Maintained(hosts=event.hosts, on=False))

    async def _maintain(self, tx: Transaction, event: RunEvent, wanted: Maintained) -> None:
        await jobs.enqueue(
            tx,
            "maintain",
            deployment=event.deployment,
            revision=0,
            run=event.run,
            arguments=wanted,
        )

    async def announce_maintenance(self, job: jobs.Job, _: Transaction) -> Sequence[Event]:
        """Announce what visitors see."""
        wanted = job.asked(Maintained)
        return [
            MaintenanceChanged(
                deployment=job.deployment, run=job.run, hosts=wanted.hosts, on=wanted.on
            )
        ]

    async def announce_ready(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Record and announce that the machines answer."""
        granted = await self.machines.ready(job, tx)
        return [
            VMReady(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                machines=tuple(granted),
            )
        ]

    async def announce_routes(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Announce where the applications are reached, and give up what is of no use now."""
        hosts = await self.publication.repository.hosts(tx, job.deployment, job.revision)
        applications = [it.application for it in hosts]
        await self.machines.settle(tx, job.deployment, applications)
        return [
            RoutePublished(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                routes=job.result("route", Published).routes,
            )
        ]

    async def route(self, job: jobs.Job) -> Published:
        """Let the applications of the revision be reached, then reach out; and no others."""
        published = await self.publication.route(job)
        await self.machines.open_doors(job, await self.publication.hosts(job))
        return published

    async def withdraw_records(self, job: jobs.Job) -> None:
        """Let the deployment's names lead nowhere."""
        await self.publication.withdraw_records(job.deployment)

    async def announce_removal(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Forget the deployment and announce that nothing of it is left here."""
        names = await self.machines.forget(job, tx)
        await self.publication.repository.forget_hosts(tx, job.deployment)
        return [VMRemoved(deployment=job.deployment, run=job.run, machines=names)]

    async def provisioning_failed(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Say what went wrong, and whether anything is different now."""
        touched = fall.stage != "image" or await self.machines.is_changing(tx, job.deployment)
        return [_failed(job, fall, Outcome.PARTIAL if touched else Outcome.UNCHANGED)]

    async def publishing_failed(
        self, job: jobs.Job, fall: jobs.Fall, _: Transaction
    ) -> Sequence[Event]:
        """Say what went wrong; the revision runs, or runs no more, but not all of it was done."""
        return [_failed(job, fall, Outcome.PARTIAL)]

    def routes(self) -> Routes:
        """List what this service listens to."""
        return {
            DeploymentRequested: self.on_deployment_requested,
            ConfigDeployed: self.on_config_deployed,
            DeploymentRemovalRequested: self.on_removal_requested,
            CancelRequested: self.on_cancel_requested,
            ApplicationQuiesced: self.on_application_quiesced,
            ApplicationResumed: self.on_application_resumed,
        }

    def kinds(self) -> Sequence[jobs.Kind]:
        """List the long work of this service."""
        return (
            jobs.Kind(
                name="provision",
                steps=(
                    # Nothing but the distribution's mirror can keep an image waiting this long.
                    jobs.Step("image", self.machines.image, patience_seconds=900.0),
                    jobs.Step("machine", self.machines.machine),
                    jobs.Step("boot", self.machines.boot),
                ),
                finish=self.announce_ready,
                failed=self.provisioning_failed,
            ),
            jobs.Kind(
                name="route",
                steps=(
                    jobs.Step("record", self.publication.record),
                    jobs.Step("route", self.route),
                ),
                finish=self.announce_routes,
                failed=self.publishing_failed,
            ),
            jobs.Kind(
                name="maintain",
                steps=(jobs.Step("maintenance", self.publication.maintain),),
                finish=self.announce_maintenance,
                failed=self.publishing_failed,
                # It follows what deployer has done: visitors are told what is true.
                can_be_cancelled=False,
            ),
            jobs.Kind(
                name="withdraw",
                steps=(
                    jobs.Step("route", self.publication.withdraw_routes),
                    jobs.Step("record", self.withdraw_records),
                    jobs.Step("machine", self.machines.remove),
                ),
                finish=self.announce_removal,
                failed=self.publishing_failed,
            ),
        )

    def watches(self) -> Sequence[jobs.Watch]:
        """List what this service looks after."""
        return (jobs.Watch("processes", self.machines.look, every_seconds=1.0),)


def _hosts(event: DeploymentRequested) -> Sequence[ApplicationHost]:
    """Return the hosts of applications, then those of their media."""
    is_routed = event.mode is Mode.ACTIVE
    doors = {it.application: _doors(it) for it in event.resources if isinstance(it, MachineRequest)}
    applications = [
        ApplicationHost(
            application=it.application,
            host=it.host,
            is_routed=is_routed,
            doors=doors.get(it.application, frozenset()),
        )
        for it in event.applications
    ]
    media = [
        ApplicationHost(
            application=it.application, host=it.public_host, is_routed=is_routed, is_media=True
        )
        for it in event.resources
        if isinstance(it, BucketRequest) and it.public_host
    ]
    return [*applications, *media]


def _doors(request: MachineRequest) -> frozenset[Door]:
    needs = {Door.EGRESS: request.egress, Door.MAIL: request.mail}
    return frozenset(door for door, is_needed in needs.items() if is_needed)


def _failed(job: jobs.Job, fall: jobs.Fall, outcome: Outcome) -> ProvisioningFailed:
    return ProvisioningFailed(
        deployment=job.deployment,
        run=job.run,
        revision=job.revision or None,
        failure=fall.failure,
        stage=fall.stage,
        outcome=outcome,
    )
