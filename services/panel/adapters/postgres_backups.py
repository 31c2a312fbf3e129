"""Backups in PostgreSQL, as far as panel knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from shared.contracts.state import BackedUpApplication, CarriedApplication

from ..domain.backups import Backup, BackupState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.database import Row, Transaction

    from ..domain.records import Page

_CARRIED: Final = TypeAdapter(tuple[CarriedApplication, ...])
_CONTENT: Final = TypeAdapter(tuple[BackedUpApplication, ...])
_BACKUP: Final = """
select backups.id, backups.operator, deployment, domain, revision, applications, state, automatic,
    run, backups.created_at, taken_at, bytes, content
from backups join deployments on deployments.id = deployment
"""
_STALE: Final = """
update backups set stale_told_at = $1
where stale_told_at is null and state = 'complete' and id in (
    select newest.id from deployments
    join lateral (
        select id, taken_at, stale_told_at from backups
        where backups.deployment = deployments.id and backups.state = 'complete'
        order by taken_at desc, id desc limit 1
    ) as newest on true
    where deployments.removed_at is null and deployments.removal_requested_at is null
        and newest.taken_at < $2 and newest.stale_told_at is null
    limit $3)
returning id
"""


class PostgresBackupRegister:
    """Keep what is known of backups."""

    async def add(self, tx: Transaction, backup: Backup) -> None:
        """Keep a backup that is to be made."""
        await tx.execute(
            """insert into backups (id, operator, deployment, state, automatic, run, created_at)
            values ($1, $2, $3, $4, $5, $6, $7)""",
            backup.id,
            backup.operator,
            backup.deployment,
            backup.state.value,
            backup.is_automatic,
            backup.run,
            backup.created_at,
        )

    async def find(self, tx: Transaction, backup: str) -> Backup | None:
        """Return a backup, or None."""
        row = await tx.fetchrow(f"{_BACKUP} where backups.id = $1", backup)
        return _backup(row) if row else None

    async def lock(self, tx: Transaction, backup: str) -> Backup | None:
        """Return a backup that nobody else changes until the transaction ends, or None."""
        row = await tx.fetchrow(
            f"{_BACKUP} where backups.id = $1 for no key update of backups", backup
        )
        return _backup(row) if row else None

    async def save(self, tx: Transaction, backup: Backup) -> None:
        """Write what can change of a backup."""
        await tx.execute(
            """update backups set revision = $2, applications = $3, state = $4, run = $5,
                taken_at = $6, bytes = $7, content = $8
            where id = $1""",
            backup.id,
            backup.revision,
            _CARRIED.dump_python(backup.applications, mode="json"),
            backup.state.value,
            backup.run,
            backup.taken_at,
            backup.bytes,
            _CONTENT.dump_python(backup.content, mode="json"),
        )

    async def find_complete(self, tx: Transaction, deployment: str) -> Backup | None:
        """Return the newest backup of a deployment that can be brought back, or None."""
        row = await tx.fetchrow(
            f"""{_BACKUP} where deployment = $1 and state = 'complete'
            order by taken_at desc, backups.id desc limit 1""",
            deployment,
        )
        return _backup(row) if row else None

    async def list_newest(
        self, tx: Transaction, operator: str, page: Page, *, deployment: str | None, removed: bool
    ) -> Sequence[Backup]:
        """Return an operator's backups, of one deployment or all; removed ones if asked for."""
        rows = await tx.fetch(
            f"""{_BACKUP} where backups.operator = $1 and ($2::text is null or backups.id < $2)
                and ($4::text is null or deployment = $4) and (state <> 'removed' or $5)
            order by backups.id desc limit $3""",
            operator,
            page.before,
            page.limit,
            deployment,
            removed,
        )
        return [_backup(row) for row in rows]

    async def claim_stale(
        self, tx: Transaction, now: datetime, before: datetime, most: int
    ) -> Sequence[Backup]:
        """Return what is the newest of its deployment, from before then, and was never told of."""
        told = await tx.fetch(_STALE, now, before, most)
        rows = await tx.fetch(f"{_BACKUP} where backups.id = any($1)", [row["id"] for row in told])
        return [_backup(row) for row in rows]


def _backup(row: Row) -> Backup:
    return Backup(
        id=row["id"],
        operator=row["operator"],
        deployment=row["deployment"],
        domain=row["domain"],
        revision=row["revision"],
        applications=_CARRIED.validate_python(row["applications"]),
        state=BackupState(row["state"]),
        is_automatic=row["automatic"],
        run=row["run"],
        created_at=row["created_at"],
        taken_at=row["taken_at"],
        bytes=row["bytes"],
        content=_CONTENT.validate_python(row["content"]),
    )
