"""What storage listens to, and the jobs that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, jobs, telemetry
from shared.contracts.deployer import DeploymentFailed, StateExported, StateImported
from shared.contracts.deployments import BucketRequest
from shared.contracts.failures import Outcome
from shared.contracts.messages import RevisionEvent, RunEvent, Value
from shared.contracts.panel import (
    BackupRemovalRequested,
    BackupRequested,
    CancelRequested,
    DeadLetterDiscardRequested,
    DeploymentRemovalRequested,
    DeploymentRequested,
    RestoreRequested,
)

from ..domain import buckets
from ..domain.backups import LoanState
from .collect import Collecting, Exported
from .discard import DiscardAsked, Discarding
from .export import BackupAsked, Exporting
from .grant import Granting, Wanted, refusal
from .ledger import Ledger
from .leftovers import Leftovers
from .lend import Lending, RestoreAsked
from .removal import REVISION, Removal
from .retention import Retention
from .settle import Imported, Settling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bus.consumer import Routes
    from shared.contracts.messages import Event
    from shared.database import Database, Transaction
    from shared.sealing import Sealer

    from ..ports import BackupRepository, BucketRepository
    from .stores import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Give deployments buckets with keys of their own, back them up, and take them back."""

    database: Database
    buckets: BucketRepository
    backups: BackupRepository
    stores: Stores
    sealer: Sealer
    retention_seconds: float = 60.0
    leftovers_seconds: float = 2.0

    async def on_deployment_requested(
        self, event: DeploymentRequested, tx: Transaction
    ) -> Sequence[Event] | None:
        """Write down what the revision needs; the job makes it."""
        wanted = [it for it in event.resources if isinstance(it, BucketRequest)]
        try:
            planned = buckets.plan(event.deployment, wanted, self.stores.first)
        except errors.InvalidError as error:
            return [refusal(event, error)]
        await self.buckets.reserve(tx, planned)
        await jobs.enqueue(
            tx,
            "grant",
            deployment=event.deployment,
            revision=event.revision,
            run=event.run,
            arguments=Wanted(names=tuple(it.name for it in planned)),
        )
        return None

    async def on_removal_requested(
        self, event: DeploymentRemovalRequested, tx: Transaction
    ) -> None:
        """Begin to take everything back."""
        await jobs.enqueue(
            tx, "removal", deployment=event.deployment, revision=REVISION, run=event.run
        )

    async def on_cancel_requested(self, event: CancelRequested, tx: Transaction) -> None:
        """Let what is done for the run stop after its current step."""
        await jobs.cancel(tx, event.deployment, event.run)

    async def on_backup_requested(self, event: BackupRequested, tx: Transaction) -> None:
        """Begin a backup."""
        asked = BackupAsked(
            operator=event.operator, backup=event.backup, applications=event.applications
        )
        await self._begin(tx, "backup", event, asked)

    async def on_state_exported(self, event: StateExported, tx: Transaction) -> None:
        """Go on with the backup that the export was made for, if it is still being made."""
        backup = await self.backups.find(tx, event.export)
        if backup is None or not backup.awaits_export(event.deployment, event.run):
            telemetry.log.info("export_ignored", export=event.export, run=event.run)
            return
        await self.backups.save(tx, backup.id, event.applications)
        await self._begin(tx, "collect", event, Exported(backup=backup.id))

    async def on_restore_requested(self, event: RestoreRequested, tx: Transaction) -> None:
        """Begin a restore."""
        asked = RestoreAsked(
            operator=event.operator,
            backup=event.backup,
            source=event.source,
            applications=event.applications,
        )
        await self._begin(tx, "lend", event, asked)

    async def on_state_imported(self, event: StateImported, tx: Transaction) -> None:
        """Go on with the restore that the import was made for, if it is still under way."""
        loan = await self.backups.find_loan(tx, event.deployment, event.export)
        if loan is None or (loan.run, loan.state) != (event.run, LoanState.LENT):
            telemetry.log.info("import_ignored", export=event.export, run=event.run)
            return
        # The applications run on the backup's rows: whatever follows, its objects belong to them.
        await self.backups.forget_added(tx, loan)
        await self._begin(tx, "settle", event, Imported(backup=loan.backup))

    async def on_backup_removal_requested(
        self, event: BackupRemovalRequested, tx: Transaction
    ) -> None:
        """Begin to take a backup away."""
        asked = DiscardAsked(operator=event.operator, backup=event.backup)
        await self._begin(tx, "discard", event, asked)

    async def on_deployment_failed(self, event: DeploymentFailed, tx: Transaction) -> None:
        """Take back what the run was given here, if it was a backup or a restore."""
        await self._leftovers.end(tx, event.deployment, event.run, event.outcome)

    async def on_dead_letter_discarded(
        self, event: DeadLetterDiscardRequested, tx: Transaction
    ) -> None:
        """Take back what a run was given here that goes on nowhere; nobody says how it was left."""
        if event.run is not None:
            await self._leftovers.end(tx, event.deployment, event.run, Outcome.PARTIAL)

    async def _begin(self, tx: Transaction, kind: str, event: RunEvent, asked: Value) -> None:
        revision = event.revision if isinstance(event, RevisionEvent) else REVISION
        await jobs.enqueue(
            tx, kind, deployment=event.deployment, revision=revision, run=event.run, arguments=asked
        )

    def kinds(self) -> Sequence[jobs.Kind]:
        """List the kinds of work."""
        ledger = Ledger(
            database=self.database,
            buckets=self.buckets,
            backups=self.backups,
            stores=self.stores,
            sealer=self.sealer,
        )
        return (
            self._granting.kind(),
            self._removal.kind(),
            Exporting(ledger).kind(),
            Collecting(ledger).kind(),
            Lending(ledger, self._leftovers).kind(),
            Settling(ledger).kind(),
            Discarding(ledger, self._leftovers).kind(),
        )

    def watches(self) -> Sequence[jobs.Watch]:
        """List what is looked after."""
        return (self._retention.watch(), self._leftovers.watch())

    @property
    def _granting(self) -> Granting:
        return Granting(
            database=self.database, buckets=self.buckets, stores=self.stores, sealer=self.sealer
        )

    @property
    def _removal(self) -> Removal:
        return Removal(
            database=self.database,
            buckets=self.buckets,
            stores=self.stores,
            leftovers=self._leftovers,
        )

    @property
    def _leftovers(self) -> Leftovers:
        return Leftovers(
            database=self.database,
            backups=self.backups,
            stores=self.stores,
            every_seconds=self.leftovers_seconds,
        )

    @property
    def _retention(self) -> Retention:
        return Retention(
            database=self.database,
            buckets=self.buckets,
            stores=self.stores,
            every_seconds=self.retention_seconds,
        )

    def routes(self) -> Routes:
        """List what this service listens to."""
        return {
            DeploymentRequested: self.on_deployment_requested,
            DeploymentRemovalRequested: self.on_removal_requested,
            CancelRequested: self.on_cancel_requested,
            BackupRequested: self.on_backup_requested,
            StateExported: self.on_state_exported,
            RestoreRequested: self.on_restore_requested,
            StateImported: self.on_state_imported,
            BackupRemovalRequested: self.on_backup_removal_requested,
            DeploymentFailed: self.on_deployment_failed,
            DeadLetterDiscardRequested: self.on_dead_letter_discarded,
        }
