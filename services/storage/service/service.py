"""What storage listens to, and the jobs that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, jobs
from shared.contracts.deployments import BucketRequest
from shared.contracts.panel import (
    CancelRequested,
    DeploymentRemovalRequested,
    DeploymentRequested,
)

from ..domain import buckets
from .grant import Granting, Wanted, refusal
from .removal import REVISION, Removal
from .retention import Retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bus.consumer import Routes
    from shared.contracts.messages import Event
    from shared.database import Database, Transaction
    from shared.sealing import Sealer

    from ..ports import BucketRepository
    from .stores import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Give deployments buckets with keys of their own, and take them back."""

    database: Database
    buckets: BucketRepository
    stores: Stores
    sealer: Sealer
    retention_seconds: float = 60.0

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
        # Locks the rows, so that no purge begins in between.
        await self.buckets.list_of(tx, event.deployment)
        await jobs.enqueue(
            tx, "removal", deployment=event.deployment, revision=REVISION, run=event.run
        )

    async def on_cancel_requested(self, event: CancelRequested, tx: Transaction) -> None:
        """Let what is done for the run stop after its current step."""
        await jobs.cancel(tx, event.deployment, event.run)

    def kinds(self) -> Sequence[jobs.Kind]:
        """List the kinds of work."""
        return (self._granting.kind(), self._removal.kind(), self._retention.kind())

    def watches(self) -> Sequence[jobs.Watch]:
        """List what is looked after."""
        return (self._retention.watch(),)

    @property
    def _granting(self) -> Granting:
        return Granting(
            database=self.database, buckets=self.buckets, stores=self.stores, sealer=self.sealer
        )

    @property
    def _removal(self) -> Removal:
        return Removal(database=self.database, buckets=self.buckets, stores=self.stores)

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
        }
