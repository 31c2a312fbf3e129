"""Granting: the job that makes the buckets of a revision and one key for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, jobs
from shared.contracts.deployments import GrantedBucket, PublicBucket
from shared.contracts.failures import Failure, Outcome
from shared.contracts.messages import Value
from shared.contracts.storage import StorageFailed, StorageReady

from ..domain import buckets
from ..domain.buckets import AccessKey, Bucket, BucketState, Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import SecretStr

    from shared.contracts.messages import Event
    from shared.contracts.panel import DeploymentRequested
    from shared.database import Database, Transaction
    from shared.sealing import Sealer

    from ..ports import BucketRepository, ObjectStore
    from .stores import Stores

ADDRESSEE: Final = "deployer"
BUCKET: Final = "bucket"
KEY: Final = "key"


class Wanted(Value):
    """The buckets that a revision asks for, in its order."""

    names: tuple[str, ...]


class Keys(Value):
    """The keys that open the buckets of a revision, by bucket."""

    keys: dict[str, AccessKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granting:
    """Make what a revision asks for, and say so."""

    database: Database
    buckets: BucketRepository
    stores: Stores
    sealer: Sealer

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name="grant",
            steps=(jobs.Step(BUCKET, self.ensure_buckets), jobs.Step(KEY, self.ensure_keys)),
            finish=self.announce_ready,
            failed=self.announce_failure,
        )

    async def ensure_buckets(self, job: jobs.Job) -> None:
        """Make every bucket exist, and public or not; what is in it stays."""
        wanted = await self._wanted(job)
        for number, bucket in enumerate(wanted, start=1):
            if bucket.state is BucketState.REQUESTED:
                async with self.database.transaction() as tx:
                    await self.buckets.mark(tx, [bucket.name], BucketState.CREATING)
            await ensure_bucket(self.stores.holding(bucket), bucket)
            await job.report(bucket.name, done=number, total=len(wanted), unit="buckets")

    async def ensure_keys(self, job: jobs.Job) -> Keys:
        """Make every bucket have one key that works: the announced one, or a new one."""
        async with self.database.transaction() as tx:
            announced = await self.buckets.find_keys(tx, job.deployment)
        wanted = await self._wanted(job)
        found: dict[str, AccessKey] = {}
        for number, bucket in enumerate(wanted, start=1):
            store = self.stores.holding(bucket)
            known = announced.get(bucket.name)
            holder = Holder.own(bucket.name)
            found[bucket.name] = await ensure_key(store, holder, known, self._seal)
            await job.report(bucket.name, done=number, total=len(wanted), unit="keys")
        return Keys(keys=found)

    async def announce_ready(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Record the keys and tell where the buckets are."""
        wanted = job.asked(Wanted)
        found = job.result(KEY, Keys).keys
        rows = {it.name: it for it in await self.buckets.list_of(tx, job.deployment)}
        await self.buckets.grant(tx, job.deployment, found)
        granted = tuple(self._granted(rows[name], found[name]) for name in wanted.names)
        return [
            StorageReady(
                deployment=job.deployment, run=job.run, revision=job.revision, buckets=granted
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Tell what failed, and whether anything was begun in the store."""
        names = job.asked(Wanted).names
        rows = [it for it in await self.buckets.list_of(tx, job.deployment) if it.name in names]
        return [failed(job, fall, is_begun=buckets.touched(rows, BucketState.CREATING))]

    async def _wanted(self, job: jobs.Job) -> list[Bucket]:
        names = job.asked(Wanted).names
        async with self.database.transaction() as tx:
            rows = {it.name: it for it in await self.buckets.list_of(tx, job.deployment)}
        for name in names:
            if name not in rows:
                raise errors.ConflictError(
                    "bucket.withdrawn", f"{name} was removed while it was being made; deploy again"
                )
        return [rows[name] for name in names]

    def _seal(self, secret: SecretStr) -> str:
        return self.sealer.seal(ADDRESSEE, secret.get_secret_value())

    def _granted(self, bucket: Bucket, key: AccessKey) -> GrantedBucket:
        store = self.stores.get(bucket.store)
        return GrantedBucket(
            application=bucket.application,
            purpose=bucket.purpose,
            endpoint=store.endpoint,
            region=store.region,
            bucket=bucket.name,
            access_key_id=key.id,
            sealed_secret_key=key.sealed_secret,
            public=_public(bucket, store.endpoint),
        )


def _public(bucket: Bucket, endpoint: str) -> PublicBucket | None:
    if bucket.public_host is None:
        return None
    return PublicBucket(host=bucket.public_host, url=f"{endpoint}/{bucket.name}")


async def ensure_bucket(store: ObjectStore, bucket: Bucket) -> None:
    """Make the bucket exist, and let anybody read its objects or nobody but its holder."""
    await store.ensure_bucket(bucket.name)
    if bucket.public_host is None:
        await store.unpublish(bucket.name)
    else:
        await store.publish(bucket.name)


async def ensure_key(
    store: ObjectStore, holder: Holder, known: AccessKey | None, seal: Callable[[SecretStr], str]
) -> AccessKey:
    """Make a bucket's holder have exactly one key, and return it.

    The secret of a key is told once. So a key that is not known, because a crash came between its
    creation and its record or because the holder made it for itself, is deleted.
    """
    await store.ensure_holder(holder)
    found = await store.list_keys(holder.name)
    kept = known if known and known.id in found else None
    for key in sorted(found - {kept.id if kept else None}):
        await store.delete_key(holder.name, key)
    if kept:
        return kept
    created = await store.create_key(holder)
    return AccessKey(id=created.id, sealed_secret=seal(created.secret))


def refusal(event: DeploymentRequested, error: errors.RejectedError) -> StorageFailed:
    """Return the answer to a request that cannot be granted at all."""
    return StorageFailed(
        deployment=event.deployment,
        run=event.run,
        revision=event.revision,
        failure=Failure(
            code=error.code, message=error.message, retryable=False, details=error.details
        ),
        stage=BUCKET,
        outcome=Outcome.UNCHANGED,
    )


def failed(job: jobs.Job, fall: jobs.Fall, *, is_begun: bool) -> StorageFailed:
    """Return what is said of a job that failed, by whether it has begun to change something."""
    return StorageFailed(
        deployment=job.deployment,
        run=job.run,
        revision=job.revision or None,
        failure=fall.failure,
        stage=fall.stage,
        outcome=Outcome.PARTIAL if is_begun else Outcome.UNCHANGED,
    )
