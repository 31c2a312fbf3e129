"""Retention: delete the kept buckets of removed deployments when their time has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import ids, jobs, telemetry
from shared.contracts.messages import Value

from ..domain.buckets import Bucket, BucketState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Database, Transaction

    from ..ports import BucketRepository
    from .stores import Stores

RETENTION: Final = "retention"
PURGE: Final = "purge"


class Due(Value):
    """Buckets whose time has come."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Keep what was promised, and no longer."""

    database: Database
    buckets: BucketRepository
    stores: Stores
    every_seconds: float

    def watch(self) -> jobs.Watch:
        """Return the watch over deployments that have kept buckets."""
        return jobs.Watch(RETENTION, look=self.look, every_seconds=self.every_seconds)

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name=PURGE,
            steps=(jobs.Step(PURGE, self.purge),),
            finish=self.forget_purged,
            failed=self.try_later,
        )

    async def look(self, deployment: str) -> None:
        """Begin to purge what is due; end the watch when nothing is kept any more."""
        async with self.database.transaction() as tx:
            kept = [it for it in await self.buckets.list_of(tx, deployment) if it.kept_until]
            if not kept:
                await jobs.stop_watch(tx, RETENTION, deployment)
                return
            # A new job would overtake one that a person waits for; this can wait.
            due = await self.buckets.list_due(tx, deployment)
            if due and not await self.buckets.has_work(tx, deployment):
                # No person's run: each attempt is one of its own.
                run, names = ids.new_id(), Due(names=tuple(due))
                await jobs.enqueue(
                    tx, PURGE, deployment=deployment, revision=0, run=run, arguments=names
                )

    async def purge(self, job: jobs.Job) -> None:
        """Delete what was due, unless it has been asked for again."""
        for bucket in await self._still_kept(job):
            await self.stores.holding(bucket).delete_bucket(bucket.name)

    async def forget_purged(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Forget what is gone; who removed the deployment was told that it would be."""
        await self.buckets.forget(tx, job.asked(Due).names)
        return []

    async def try_later(self, job: jobs.Job, fall: jobs.Fall, _: Transaction) -> Sequence[Event]:
        """Leave it to the watch, which finds the buckets due again."""
        telemetry.log.error("purge_failed", deployment=job.deployment, code=fall.failure.code)
        return []

    async def _still_kept(self, job: jobs.Job) -> list[Bucket]:
        names = job.asked(Due).names
        async with self.database.transaction() as tx:
            rows = await self.buckets.list_of(tx, job.deployment)
        return [it for it in rows if it.name in names and it.state is BucketState.KEPT]
