"""Retention: delete the kept buckets of removed deployments when their time has come.

This is no job: nobody waits for it, so it has no run, and one of its own would overtake, or be
overtaken by, what a person asks for. A look waits for jobs, jobs wait for a look, and what it did
not get done is found due by the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import jobs, telemetry

if TYPE_CHECKING:
    from shared.database import Database, Transaction

    from ..domain.buckets import Bucket
    from ..ports import BucketRepository
    from .stores import Stores

RETENTION: Final = "retention"


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

    async def look(self, deployment: str) -> None:
        """Delete what is due, one bucket after the other; end the watch when nothing is kept."""
        while bucket := await self._next(deployment):
            await self.stores.holding(bucket).delete_bucket(bucket.name)
            async with self.database.transaction() as tx:
                # It may have been asked for again meanwhile: then it is made anew, and stays known.
                if await self._due(tx, deployment, bucket.name):
                    await self.buckets.forget(tx, [bucket.name])
            telemetry.log.info("bucket_purged", deployment=deployment, bucket=bucket.name)

    async def _next(self, deployment: str) -> Bucket | None:
        """Return a bucket that is due."""
        async with self.database.transaction() as tx:
            rows = await self.buckets.list_of(tx, deployment)
            if not any(it.kept_until for it in rows):
                await jobs.stop_watch(tx, RETENTION, deployment)
                return None
            due = await self.buckets.list_due(tx, deployment)
            return next((it for it in rows if it.name in due), None)

    async def _due(self, tx: Transaction, deployment: str, name: str) -> bool:
        await self.buckets.list_of(tx, deployment)
        return name in await self.buckets.list_due(tx, deployment)
