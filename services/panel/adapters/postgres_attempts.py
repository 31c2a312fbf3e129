"""Attempts to sign in, counted in PostgreSQL: the same for every replica."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..domain.throttling import FORGOTTEN_AFTER, Attempts

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.database import Transaction

    from ..domain.throttling import Bucket

_OPEN: Final = """
insert into sign_in_attempts (bucket, attempts, newest_at) values ($1, 0, now())
on conflict (bucket) do nothing
"""
_FORGET: Final = """
delete from sign_in_attempts where bucket in (
    select bucket from sign_in_attempts where newest_at < now() - $1::interval
    limit 100 for update skip locked
)
"""


class PostgresAttemptLedger:
    """Count attempts to sign in; who tries many at once waits for the lock of the row."""

    async def count(self, tx: Transaction, buckets: Collection[Bucket]) -> None:
        """Count one attempt in each bucket.

        Raises:
            TooManyAttemptsError: it came too early for one of them; nothing was counted.
        """
        await tx.execute(_FORGET, FORGOTTEN_AFTER)
        for bucket in sorted(buckets, key=lambda it: it.digest):
            await tx.execute(_OPEN, bucket.digest)
            row = await tx.fetchrow(
                """select attempts, newest_at, clock_timestamp() as now from sign_in_attempts
                where bucket = $1 for update""",
                bucket.digest,
            )
            if row is None:  # forgotten between the two statements: it holds nothing then
                continue
            new = Attempts(row["attempts"], row["newest_at"]).after(row["now"], bucket)
            await tx.execute(
                """update sign_in_attempts set attempts = $2, newest_at = clock_timestamp()
                where bucket = $1""",
                bucket.digest,
                new,
            )

    async def forgive(self, tx: Transaction, bucket: Bucket, *, all_of_it: bool) -> None:
        """Count back one attempt that succeeded, or all that a bucket holds."""
        await tx.execute(
            """update sign_in_attempts
            set attempts = case when $2 then 0 else greatest(0, attempts - 1) end
            where bucket = $1""",
            bucket.digest,
            all_of_it,
        )
