"""Buckets and announced keys in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from ..domain.buckets import AccessKey, Bucket, BucketState
from ..ports import BucketRepository

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.database import Row, Transaction


class PostgresBucketRepository(BucketRepository):
    """Keeps buckets in the tables of `schema/`."""

    @override
    async def reserve(self, tx: Transaction, buckets: Sequence[Bucket]) -> None:
        """Write down buckets.

        What was about to go, was kept, or is to be public otherwise, may be there in part.
        """
        for it in buckets:
            await tx.execute(
                """insert into buckets (name, deployment, application, purpose, store, quota_gib,
                    public_host, state)
                values ($1, $2, $3, $4, $5, $6, $7, 'requested')
                on conflict (name) do update set
                    quota_gib = excluded.quota_gib, public_host = excluded.public_host,
                    updated_at = now(),
                    state = case when buckets.state = 'requested' then 'requested'
                                 when buckets.state in ('removing', 'kept') then 'creating'
                                 when buckets.public_host is distinct from excluded.public_host
                                 then 'creating' else buckets.state end""",
                it.name,
                it.deployment,
                it.application,
                it.purpose,
                it.store,
                it.quota_gib,
                it.public_host,
            )

    @override
    async def list_of(self, tx: Transaction, deployment: str) -> list[Bucket]:
        """Return the buckets of a deployment and lock their rows."""
        rows = await tx.fetch(
            """select deployment, application, purpose, store, quota_gib, public_host, state,
                kept_until
            from buckets where deployment = $1 order by name for update""",
            deployment,
        )
        return [_bucket(row) for row in rows]

    @override
    async def mark(self, tx: Transaction, names: Collection[str], state: BucketState) -> None:
        """Record the state of buckets."""
        await tx.execute(
            "update buckets set state = $2, updated_at = now() where name = any($1)",
            list(names),
            state,
        )

    @override
    async def find_keys(self, tx: Transaction, deployment: str) -> dict[str, AccessKey]:
        """Return the announced keys of a deployment, by bucket."""
        rows = await tx.fetch(
            """select k.bucket, k.id, k.sealed_secret
            from access_keys k join buckets b on b.name = k.bucket where b.deployment = $1""",
            deployment,
        )
        return {
            row["bucket"]: AccessKey(id=row["id"], sealed_secret=row["sealed_secret"])
            for row in rows
        }

    @override
    async def grant(self, tx: Transaction, deployment: str, keys: Mapping[str, AccessKey]) -> None:
        """Record keys; a bucket in use that is not among them is unused from now on."""
        for bucket, key in keys.items():
            await tx.execute(
                """insert into access_keys (bucket, id, sealed_secret) values ($1, $2, $3)
                on conflict (bucket) do update set id = excluded.id,
                    sealed_secret = excluded.sealed_secret, created_at = now()
                where access_keys.id <> excluded.id""",
                bucket,
                key.id,
                key.sealed_secret,
            )
        await tx.execute(
            """update buckets set state = 'ready', kept_until = null, updated_at = now()
            where name = any($1)""",
            list(keys),
        )
        await tx.execute(
            """update buckets set state = 'unused', updated_at = now()
            where deployment = $1 and state = 'ready' and name <> all($2)""",
            deployment,
            list(keys),
        )

    @override
    async def keep(self, tx: Transaction, name: str, days: int) -> None:
        """Record that a bucket is kept, and that its key opens nothing any more."""
        await tx.execute(
            """update buckets set state = 'kept', updated_at = now(),
                kept_until = coalesce(kept_until, now() + make_interval(days => $2))
            where name = $1""",
            name,
            days,
        )
        await tx.execute("delete from access_keys where bucket = $1", name)

    @override
    async def forget(self, tx: Transaction, names: Collection[str]) -> None:
        """Delete buckets and, with them, their keys."""
        await tx.execute("delete from buckets where name = any($1)", list(names))

    @override
    async def list_due(self, tx: Transaction, deployment: str) -> list[str]:
        """Return the kept buckets whose time has come, by the database's clock."""
        rows = await tx.fetch(
            """select name from buckets
            where deployment = $1 and state = 'kept' and kept_until <= now() order by name""",
            deployment,
        )
        return [row["name"] for row in rows]


def _bucket(row: Row) -> Bucket:
    return Bucket(
        deployment=row["deployment"],
        application=row["application"],
        purpose=row["purpose"],
        store=row["store"],
        quota_gib=row["quota_gib"],
        public_host=row["public_host"],
        state=BucketState(row["state"]),
        kept_until=row["kept_until"],
    )
