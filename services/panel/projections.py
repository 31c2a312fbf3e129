"""Projections: every fact of the other services, turned into what operators see.

A step ends by its event even when all progress was lost, and a run by the last of its events. What
comes after the end of a run changes nothing, save what stays true without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from shared import errors, jobs
from shared.contracts.deployer import (
    ApplicationQuiesced,
    ApplicationResumed,
    ConfigDeployed,
    DeploymentFailed,
    HealthChanged,
    StateExported,
    StateImported,
    SystemRemoved,
)
from shared.contracts.deployments import Mode
from shared.contracts.everyone import MessageDeadLettered
from shared.contracts.happenings import HappeningType
from shared.contracts.progress import StepState
from shared.contracts.provisioner import (
    MaintenanceChanged,
    ProvisioningFailed,
    RoutePublished,
    VMReady,
    VMRemoved,
)
from shared.contracts.storage import (
    BackupCompleted,
    BackupRemoved,
    RestoreCompleted,
    StateExportRequested,
    StateImportRequested,
    StorageFailed,
    StorageReady,
    StorageRemoved,
)

from .domain.advice import CANCELLED
from .domain.backups import Backup, BackupState
from .domain.happenings import health_change
from .domain.runs import (
    EventBody,
    Kept,
    Receipt,
    Run,
    RunEventKind,
    RunFailure,
    RunKind,
    RunState,
    RunStep,
    StepStatus,
)
from .service import checks

if TYPE_CHECKING:
    from shared.bus.consumer import Routes
    from shared.contracts.messages import RunEvent
    from shared.contracts.progress import Progress
    from shared.database import Database, Transaction

    from .domain.deployments import Deployment
    from .ports import (
        BackupRegister,
        CredentialRegister,
        DeadLetterRegister,
        DeploymentRegister,
        RunRegister,
    )
    from .ports.provider import MachineRegister
    from .service.conductor import Conductor


@dataclass(frozen=True, slots=True, kw_only=True)
class Projections:
    """Follow what the services say."""

    database: Database
    deployments: DeploymentRegister
    runs: RunRegister
    backups: BackupRegister
    credentials: CredentialRegister
    letters: DeadLetterRegister
    machines: MachineRegister
    conductor: Conductor

    def routes(self) -> Routes:
        """List what panel listens to."""
        return {
            VMReady: self.on_vm_ready,
            StorageReady: self.on_answer,
            StateExportRequested: self.on_answer,
            StateExported: self.on_answer,
            StateImportRequested: self.on_answer,
            StateImported: self.on_answer,
            RestoreCompleted: self.on_answer,
            ApplicationResumed: self.on_answer,
            ConfigDeployed: self.on_config_deployed,
            RoutePublished: self.on_route_published,
            VMRemoved: self.on_vm_removed,
            StorageRemoved: self.on_storage_removed,
            SystemRemoved: self.on_system_removed,
            ProvisioningFailed: self.on_provisioning_failed,
            StorageFailed: self.on_storage_failed,
            DeploymentFailed: self.on_deployment_failed,
            MessageDeadLettered: self.on_message_dead_lettered,
            BackupCompleted: self.on_backup_completed,
            BackupRemoved: self.on_backup_removed,
            ApplicationQuiesced: self.on_application_quiesced,
            MaintenanceChanged: self.on_maintenance_changed,
            HealthChanged: self.on_health_changed,
        }

    async def on_answer(self, event: RunEvent, tx: Transaction) -> None:
        """End the steps that this event answers, and the run when they were the last ones."""
        run = await self._active(tx, event)
        if run is not None:
            await self._settle(tx, run, event)

    async def on_vm_ready(self, event: VMReady, tx: Transaction) -> None:
        """End provisioner's steps and keep which machines there are, for the provider."""
        deployment = await self.deployments.lock(tx, event.deployment)
        if deployment is not None and deployment.removed_at is None:
            await self.machines.keep(tx, event)
        await self.on_answer(event, tx)

    async def on_config_deployed(self, event: ConfigDeployed, tx: Transaction) -> None:
        """End deployer's steps and keep whether anything changed.

        Credentials are told once, by whatever run, and what runs does so whatever leads to it:
        both count even when the run is over.
        """
        deployment = await self.deployments.lock(tx, event.deployment)
        if deployment is not None and deployment.removed_at is None:
            await self.credentials.keep(tx, event)
            await self._note_running(tx, event)
        run = await self._active(tx, event)
        if run is not None:
            run = replace(run, changed=event.changed)
            await self.runs.save(tx, run)
            await self._settle(tx, run, event)

    async def on_route_published(self, event: RoutePublished, tx: Transaction) -> None:
        """Keep the URLs and look at them from outside; that ends the run."""
        run = await self._active(tx, event)
        deployment = await self.deployments.find(tx, event.deployment)
        revision = await self.deployments.find_revision(tx, event.deployment, event.revision)
        if run is None or deployment is None or revision is None:
            return
        await self.conductor.settle(tx, run, event.event_name())
        # Whatever was paused goes on with it.
        reached = replace(deployment, routes=event.routes, paused_at=None)
        await self.deployments.save(tx, reached)
        await jobs.enqueue(
            tx,
            checks.KIND,
            deployment=event.deployment,
            revision=event.revision,
            run=event.run,
            arguments=checks.targets(event, revision),
        )

    async def on_vm_removed(self, event: VMRemoved, tx: Transaction) -> None:
        """Note that the machines are gone."""
        await self.machines.forget(tx, event.deployment)
        await self._removed(tx, event, Receipt(machines=event.machines))

    async def on_storage_removed(self, event: StorageRemoved, tx: Transaction) -> None:
        """Note which buckets are kept until when."""
        kept = tuple(Kept(bucket=it.bucket, until=it.until) for it in event.buckets_kept)
        await self._removed(tx, event, Receipt(buckets_kept=kept))

    async def on_system_removed(self, event: SystemRemoved, tx: Transaction) -> None:
        """Note that secrets and permits are gone."""
        await self._removed(tx, event, Receipt())

    async def on_backup_completed(self, event: BackupCompleted, tx: Transaction) -> None:
        """Note what the backup holds: there it is, whatever became of the run."""
        run = await self._active(tx, event)
        backup = await self.backups.lock(tx, event.backup)
        if backup is not None and backup.state in {BackupState.MAKING, BackupState.FAILED}:
            await self.backups.save(tx, _completed(backup, event))
        if run is not None:
            await self._settle(tx, run, event)

    async def on_backup_removed(self, event: BackupRemoved, tx: Transaction) -> None:
        """Note that the backup is gone, whatever became of the run."""
        run = await self._active(tx, event)
        backup = await self.backups.lock(tx, event.backup)
        if backup is not None:
            await self.backups.save(tx, replace(backup, state=BackupState.REMOVED))
        if run is not None:
            await self._settle(tx, run, event)

    async def on_application_quiesced(self, event: ApplicationQuiesced, tx: Transaction) -> None:
        """Note that the applications stand still, whether or not a page says so."""
        run = await self._active(tx, event)
        if run is not None:
            await self._pause(tx, run.deployment, self.conductor.clock.now())
            await self._settle(tx, run, event)

    async def on_maintenance_changed(self, event: MaintenanceChanged, tx: Transaction) -> None:
        """End a pause or the end of one; a restart has ended before, and does not wait for it."""
        run = await self._active(tx, event)
        if run is None or event.on is not (run.kind is RunKind.PAUSE):
            return
        if run.kind is RunKind.RESUME:
            await self._pause(tx, run.deployment, None)
        await self._settle(tx, run, event)

    async def on_health_changed(self, event: HealthChanged, tx: Transaction) -> None:
        """Note what is wrong with a deployment, unless something newer is known."""
        at = datetime.fromisoformat(event.at)
        before = await self.deployments.lock(tx, event.deployment)
        await self.deployments.note_health(tx, event.deployment, event.ailments, at)
        after = await self.deployments.find(tx, event.deployment)
        if before is not None and after is not None:
            kind = health_change(before, after)
            if kind is not None:
                await self.conductor.happenings.tell_of_deployment(tx, kind, after)

    async def on_provisioning_failed(self, event: ProvisioningFailed, tx: Transaction) -> None:
        """End the run with what provisioner says."""
        await self._failed(tx, event, "provisioner")

    async def on_storage_failed(self, event: StorageFailed, tx: Transaction) -> None:
        """End the run with what storage says."""
        await self._failed(tx, event, "storage")

    async def on_deployment_failed(self, event: DeploymentFailed, tx: Transaction) -> None:
        """End the run with what deployer says."""
        await self._failed(tx, event, "deployer")

    async def on_message_dead_lettered(self, event: MessageDeadLettered, tx: Transaction) -> None:
        """Keep the announcement, and mark the run that cannot go on."""
        await self.deployments.lock(tx, event.deployment)
        run = await self.runs.lock(tx, event.run) if event.run else None
        await self.letters.announce(tx, event)
        if run is not None:
            await self.conductor.hold(tx, run, event.dead_letter)

    async def on_progress(self, progress: Progress, place: int) -> None:
        """Show how far a step is, and its lines; reports that come again change nothing."""
        async with self.database.transaction() as tx:
            run = await self.runs.lock(tx, progress.run)
            if run is None or run.deployment != progress.deployment:
                return
            if not await self.runs.note_progress(tx, run.id, place):
                return
            if not run.state.has_ended:
                await self._show_step(tx, run, progress)
            # Facts and progress come on two streams: the last lines may come after the end.
            if progress.lines:
                body = EventBody(service=progress.service, step=progress.step, lines=progress.lines)
                await self.conductor.say(tx, run, RunEventKind.LOG, body)

    async def _show_step(self, tx: Transaction, run: Run, progress: Progress) -> None:
        for step in await self.runs.list_steps(tx, run.id):
            if (step.service, step.name) == (progress.service, progress.step):
                await self.conductor.save_step(tx, run, step, _advanced(step, progress))

    async def _note_running(self, tx: Transaction, event: ConfigDeployed) -> None:
        """Note what runs; of a revision that is only prepared nothing does."""
        revision = await self.deployments.find_revision(tx, event.deployment, event.revision)
        if revision is not None and revision.mode is Mode.ACTIVE:
            await self.deployments.note_running(tx, event.deployment, event.revision, event.run)

    async def _active(self, tx: Transaction, event: RunEvent) -> Run | None:
        """Return the event's run, locked after its deployment, unless it is over or unknown."""
        await self.deployments.lock(tx, event.deployment)
        run = await self.runs.lock(tx, event.run)
        if run is None or run.deployment != event.deployment or run.state.has_ended:
            return None
        return run

    async def _removed(self, tx: Transaction, event: RunEvent, part: Receipt) -> None:
        """Note one service's part of a removal; the last one ends it.

        What is said after the end belongs to the receipt too: what is gone already, the run that
        tries again will not hear of.
        """
        await self.deployments.lock(tx, event.deployment)
        run = await self.runs.lock(tx, event.run)
        if run is None or run.deployment != event.deployment:
            return
        run = replace(run, receipt=(run.receipt or Receipt()).plus(part))
        await self.runs.save(tx, run)
        if run.state.has_ended:
            return
        if await self._has_answered(tx, run, event):
            receipts = await self.runs.list_receipts(tx, run.deployment)
            run = replace(run, receipt=reduce(Receipt.plus, receipts))
            deployment = await self._deployment(tx, run.deployment)
            removed = deployment.gone(self.conductor.clock.now())
            await self.deployments.save(tx, removed)
            await self.deployments.release_names(tx, removed)
            await self.credentials.forget_all(tx, removed.id)
            await self.conductor.end(tx, run, RunState.SUCCEEDED)
            kind = HappeningType.DEPLOYMENT_DELETED
            await self.conductor.happenings.tell_of_deployment(tx, kind, removed)

    async def _settle(self, tx: Transaction, run: Run, event: RunEvent) -> None:
        """End the steps that an event answers, and the run when nothing of it is left."""
        if await self._has_answered(tx, run, event):
            await self.conductor.end(tx, run, RunState.SUCCEEDED)

    async def _has_answered(self, tx: Transaction, run: Run, event: RunEvent) -> bool:
        """End the steps that an event answers; say whether all of the run have been by now."""
        await self.conductor.settle(tx, run, event.event_name())
        steps = await self.runs.list_steps(tx, run.id)
        return all(it.is_settled for it in steps)

    async def _pause(self, tx: Transaction, deployment: str, at: datetime | None) -> None:
        found = await self._deployment(tx, deployment)
        await self.deployments.save(tx, replace(found, paused_at=at))

    async def _deployment(self, tx: Transaction, deployment: str) -> Deployment:
        found = await self.deployments.find(tx, deployment)
        if found is None:
            raise errors.FaultError("run.no_deployment", f"there is no deployment {deployment}")
        return found

    async def _failed(
        self,
        tx: Transaction,
        event: ProvisioningFailed | StorageFailed | DeploymentFailed,
        service: str,
    ) -> None:
        run = await self._active(tx, event)
        if run is None:
            return
        # A run that was cancelled stopped after a step, which did not fail.
        if event.failure.code != CANCELLED:
            await self.conductor.fail_step(tx, run, service, event.stage)
        failure = RunFailure(
            failure=event.failure, service=service, stage=event.stage, outcome=event.outcome
        )
        await self.conductor.end(tx, run, _end_of(run, failure), failure)


def _end_of(run: Run, failure: RunFailure) -> RunState:
    """Return how a failure ends a run: as cancelled only where it was, and that is why."""
    was_stopped = failure.failure.code == CANCELLED and run.state is RunState.CANCELLING
    return RunState.CANCELLED if was_stopped else RunState.FAILED


def _completed(backup: Backup, event: BackupCompleted) -> Backup:
    return replace(
        backup,
        state=BackupState.COMPLETE,
        revision=event.revision,
        taken_at=datetime.fromisoformat(event.taken_at),
        bytes=event.bytes,
        content=event.applications,
    )


def _advanced(step: RunStep, progress: Progress) -> RunStep:
    return replace(
        step,
        status=_STATUS[progress.state],
        attempt=progress.attempt,
        done=step.done if progress.done is None else progress.done,
        total=progress.total or step.total,
        unit=progress.unit or step.unit,
    )


_STATUS = {
    StepState.RUNNING: StepStatus.RUNNING,
    StepState.SUCCEEDED: StepStatus.SUCCEEDED,
    StepState.FAILED: StepStatus.FAILED,
    StepState.RETRYING: StepStatus.RETRYING,
}
