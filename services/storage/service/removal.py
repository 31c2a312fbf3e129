"""Removal: take all access away, then delete the buckets or keep them for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import jobs
from shared.contracts.deployments import KeptBucket
from shared.contracts.messages import Value
from shared.contracts.storage import StorageRemoved

from ..domain import buckets
from ..domain.buckets import Bucket, BucketState
from .carrying import LONG_SECONDS
from .grant import BUCKET, KEY, failed
from .retention import RETENTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Database, Transaction

    from ..ports import BucketRepository
    from .leftovers import Leftovers
    from .stores import Stores

REVISION: Final = 0
"""A removal is about no revision."""


class Deleted(Value):
    """The buckets that are gone for good."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Take back what a deployment was given."""

    database: Database
    buckets: BucketRepository
    stores: Stores
    leftovers: Leftovers

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name="removal",
            steps=(
                # A backup that failed goes with its key, and may hold as much as a bucket.
                jobs.Step(KEY, self.revoke_access, margin_seconds=LONG_SECONDS),
                jobs.Step(BUCKET, self.delete_buckets, margin_seconds=LONG_SECONDS),
            ),
            finish=self.announce_removed,
            failed=self.announce_failure,
        )

    async def revoke_access(self, job: jobs.Job) -> None:
        """Take away every holder, with all keys, known and unknown; complete backups have none."""
        await self.leftovers.clear(job.deployment)
        for bucket in await self._all(job):
            store = self.stores.holding(bucket)
            async with self.database.transaction() as tx:
                await self.buckets.mark(tx, [bucket.name], BucketState.REMOVING)
            await store.revoke(bucket.name)
            await job.report(f"nobody can open {bucket.name} any more")

    async def delete_buckets(self, job: jobs.Job) -> Deleted:
        """Delete the buckets that are not kept, with everything in them."""
        async with self.database.transaction() as tx:
            announced = await self.buckets.find_keys(tx, job.deployment)
        deleted = []
        for bucket in await self._all(job):
            # What nobody was ever told of holds nothing that anybody could miss.
            holds_data = bucket.name in announced or bucket.kept_until is not None
            if holds_data and self._days(bucket):
                continue
            await self.stores.holding(bucket).delete_bucket(bucket.name)
            deleted.append(bucket.name)
            await job.report(f"{bucket.name} is deleted")
        return Deleted(names=tuple(deleted))

    async def announce_removed(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Forget what is gone, and tell what is kept and until when."""
        await self.buckets.forget(tx, job.result(BUCKET, Deleted).names)
        for bucket in await self.buckets.list_of(tx, job.deployment):
            await self.buckets.keep(tx, bucket.name, self._days(bucket))
        kept = await self.buckets.list_of(tx, job.deployment)
        if kept:
            await jobs.start_watch(tx, RETENTION, job.deployment)
        return [
            StorageRemoved(
                deployment=job.deployment,
                run=job.run,
                buckets_kept=tuple(
                    KeptBucket(bucket=it.name, until=buckets.moment(it.kept_until))
                    for it in kept
                    if it.kept_until
                ),
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Tell what failed, and whether any access is gone already."""
        rows = await self.buckets.list_of(tx, job.deployment)
        return [failed(job, fall, is_begun=buckets.touched(rows, BucketState.REMOVING))]

    async def _all(self, job: jobs.Job) -> list[Bucket]:
        async with self.database.transaction() as tx:
            return await self.buckets.list_of(tx, job.deployment)

    def _days(self, bucket: Bucket) -> int:
        return self.stores.get(bucket.store).retention_days
