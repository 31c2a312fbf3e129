"""Backups and loans in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared.contracts.state import CarriedApplication, SavedApplication

from ..domain.backups import Backup, BackupState, Loan, LoanState
from ..domain.buckets import AccessKey
from ..domain.objects import Place
from ..ports import BackupRepository

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.contracts.messages import Value
    from shared.database import Row, Transaction

    from ..domain.index import Contents

_BACKUP: Final = """select id, deployment, operator, revision, run, store, state, applications,
    taken_at, access_key_id, sealed_secret, saved, index_sha256 from backups"""
_LOAN: Final = """select l.deployment, l.backup, b.deployment as source, l.run, b.store, l.state,
    l.applications, l.access_key_id, l.sealed_secret, l.differing
    from loans l join backups b on b.id = l.backup"""

_AT_ONCE: Final = 5000
"""How many objects one statement writes."""


class PostgresBackupRepository(BackupRepository):
    """Keeps backups and loans in the tables of `schema/`."""

    @override
    async def add(self, tx: Transaction, backup: Backup) -> None:
        """Insert a backup; what now is, the database says."""
        await tx.execute(
            """insert into backups (id, deployment, operator, revision, run, store, state,
                applications)
            values ($1, $2, $3, $4, $5, $6, $7, $8)""",
            backup.id,
            backup.deployment,
            backup.operator,
            backup.revision,
            backup.run,
            backup.store,
            backup.state,
            _written(backup.applications),
        )

    @override
    async def find(self, tx: Transaction, backup: str) -> Backup | None:
        """Return a backup and lock its row."""
        row = await tx.fetchrow(f"{_BACKUP} where id = $1 for update", backup)
        return _backup(row) if row else None

    @override
    async def list_unfinished(self, tx: Transaction, deployment: str) -> list[Backup]:
        """Return what is being made or has failed, and lock its rows."""
        rows = await tx.fetch(
            f"""{_BACKUP} where deployment = $1 and state in ('requested', 'exporting', 'failed')
            order by id for update""",
            deployment,
        )
        return [_backup(row) for row in rows]

    @override
    async def mark(self, tx: Transaction, backup: str, state: BackupState) -> None:
        """Record the state of a backup."""
        await tx.execute(
            "update backups set state = $2, updated_at = now() where id = $1", backup, state
        )

    @override
    async def open(self, tx: Transaction, backup: str, key: AccessKey) -> None:
        """Record the announced key."""
        await tx.execute(
            """update backups set state = 'exporting', access_key_id = $2, sealed_secret = $3,
                updated_at = now() where id = $1""",
            backup,
            key.id,
            key.sealed_secret,
        )

    @override
    async def save(
        self, tx: Transaction, backup: str, applications: Sequence[SavedApplication]
    ) -> None:
        """Record what was exported."""
        await tx.execute(
            "update backups set saved = $2, updated_at = now() where id = $1",
            backup,
            _written(applications),
        )

    @override
    async def complete(self, tx: Transaction, backup: str, contents: Contents) -> None:
        """Record what the backup holds, and forget its key."""
        await tx.execute(
            """update backups set state = 'complete', access_key_id = null, sealed_secret = null,
                index_sha256 = $2, summary = $3, bytes = $4, updated_at = now() where id = $1""",
            backup,
            contents.index_sha256,
            _written(contents.applications),
            contents.bytes,
        )

    @override
    async def forget(self, tx: Transaction, backup: str) -> None:
        """Delete a backup and its loans."""
        await tx.execute("delete from loans where backup = $1", backup)
        await tx.execute("delete from backups where id = $1", backup)

    @override
    async def lend(self, tx: Transaction, loan: Loan) -> None:
        """Insert a loan, or begin it anew for the run of this one."""
        await tx.execute(
            """insert into loans (deployment, backup, run, state, applications)
            values ($1, $2, $3, 'wanted', $4)
            on conflict (deployment, backup) do update set run = excluded.run, state = 'wanted',
                applications = excluded.applications, access_key_id = null, sealed_secret = null,
                updated_at = now()""",
            loan.deployment,
            loan.backup,
            loan.run,
            _written(loan.applications),
        )

    @override
    async def find_loan(self, tx: Transaction, deployment: str, backup: str) -> Loan | None:
        """Return a loan and lock its row."""
        row = await tx.fetchrow(
            f"{_LOAN} where l.deployment = $1 and l.backup = $2 for update of l", deployment, backup
        )
        return _loan(row) if row else None

    @override
    async def list_loans(self, tx: Transaction, deployment: str) -> list[Loan]:
        """Return the loans of a deployment and lock their rows."""
        rows = await tx.fetch(
            f"{_LOAN} where l.deployment = $1 order by l.backup for update of l", deployment
        )
        return [_loan(row) for row in rows]

    @override
    async def list_loans_of(self, tx: Transaction, backup: str) -> list[Loan]:
        """Return the loans of a backup and lock their rows."""
        rows = await tx.fetch(
            f"{_LOAN} where l.backup = $1 order by l.deployment for update of l", backup
        )
        return [_loan(row) for row in rows]

    @override
    async def hand_over(
        self,
        tx: Transaction,
        loan: Loan,
        key: AccessKey,
        differing: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Record the announced key, and what the restore may touch."""
        await tx.execute(
            """update loans set state = 'lent', access_key_id = $3, sealed_secret = $4,
                differing = $5, updated_at = now() where deployment = $1 and backup = $2""",
            loan.deployment,
            loan.backup,
            key.id,
            key.sealed_secret,
            differing,
        )

    @override
    async def end_loan(self, tx: Transaction, loan: Loan) -> None:
        """Record that a loan is over."""
        await tx.execute(
            """update loans set state = 'over', updated_at = now()
            where deployment = $1 and backup = $2""",
            loan.deployment,
            loan.backup,
        )

    @override
    async def forget_loan(self, tx: Transaction, loan: Loan) -> None:
        """Delete a loan, unless it has begun anew."""
        await tx.execute(
            "delete from loans where deployment = $1 and backup = $2 and run = $3",
            loan.deployment,
            loan.backup,
            loan.run,
        )

    @override
    async def note_added(
        self, tx: Transaction, loan: Loan, bucket: str, etags: Mapping[str, str]
    ) -> None:
        """Insert objects, some thousands at once; what was noted before has the newer ETag."""
        noted = list(etags.items())
        for first in range(0, len(noted), _AT_ONCE):
            some = noted[first : first + _AT_ONCE]
            await tx.execute(
                """insert into added_objects (deployment, backup, bucket, key, etag)
                select $1, $2, $3, key, etag from unnest($4::text[], $5::text[]) as it (key, etag)
                on conflict (deployment, backup, bucket, key) do update set etag = excluded.etag""",
                loan.deployment,
                loan.backup,
                bucket,
                [key for key, _ in some],
                [etag for _, etag in some],
            )

    @override
    async def list_added(self, tx: Transaction, loan: Loan, most: int) -> dict[Place, str]:
        """Return the first objects."""
        rows = await tx.fetch(
            """select bucket, key, etag from added_objects
            where deployment = $1 and backup = $2 order by bucket, key limit $3""",
            loan.deployment,
            loan.backup,
            most,
        )
        return {Place(row["bucket"], row["key"]): row["etag"] for row in rows}

    @override
    async def forget_added(
        self, tx: Transaction, loan: Loan, places: Collection[Place] | None = None
    ) -> None:
        """Delete objects, of which there are not many, or all of a loan."""
        await tx.execute(
            """delete from added_objects where deployment = $1 and backup = $2 and ($3 or
                (bucket, key) in (select bucket, key
                                  from unnest($4::text[], $5::text[]) as it (bucket, key)))""",
            loan.deployment,
            loan.backup,
            places is None,
            [it.bucket for it in places or ()],
            [it.key for it in places or ()],
        )

    @override
    async def is_overtaken(self, tx: Transaction, deployment: str, run: str) -> bool:
        """Say whether there is a job of a later run; ids of runs rise with time."""
        found: bool = await tx.fetchval(
            "select exists (select from jobs where deployment = $1 and run > $2)", deployment, run
        )
        return found


def _backup(row: Row) -> Backup:
    return Backup(
        id=row["id"],
        deployment=row["deployment"],
        operator=row["operator"],
        revision=row["revision"],
        run=row["run"],
        store=row["store"],
        applications=_carried(row),
        taken_at=row["taken_at"],
        state=BackupState(row["state"]),
        key=_key(row),
        saved=tuple(SavedApplication.model_validate(it) for it in row["saved"]),
        index_sha256=row["index_sha256"],
    )


def _loan(row: Row) -> Loan:
    return Loan(
        deployment=row["deployment"],
        backup=row["backup"],
        source=row["source"],
        run=row["run"],
        store=row["store"],
        applications=_carried(row),
        state=LoanState(row["state"]),
        key=_key(row),
        differing=row["differing"],
    )


def _key(row: Row) -> AccessKey | None:
    if row["access_key_id"] is None:
        return None
    return AccessKey(id=row["access_key_id"], sealed_secret=row["sealed_secret"])


def _carried(row: Row) -> tuple[CarriedApplication, ...]:
    return tuple(CarriedApplication.model_validate(it) for it in row["applications"])


def _written(values: Sequence[Value]) -> list[object]:
    return [it.model_dump(mode="json") for it in values]
