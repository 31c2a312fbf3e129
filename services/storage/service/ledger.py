"""What the jobs of backups and restores share: rows, stores, and the rules about both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import GrantedBucket
from shared.contracts.state import Staging

from ..domain import backups
from ..domain.backups import Backup, BackupState, Loan, LoanState
from .carrying import read_index
from .grant import ADDRESSEE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import SecretStr

    from shared import jobs
    from shared.database import Database, Transaction
    from shared.sealing import Sealer

    from ..domain.buckets import AccessKey, Bucket
    from ..domain.index import BackupIndex
    from ..ports import BackupRepository, BucketRepository, ObjectCopier
    from .stores import Stores

UNFINISHED: Final = frozenset({BackupState.REQUESTED, BackupState.EXPORTING})


@dataclass(frozen=True, slots=True)
class Borrowed:
    """What a restore works with."""

    loan: Loan
    backup: Backup
    held: Sequence[Bucket]
    """The buckets of the deployment that is restored."""
    index: BackupIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Know which backups are being made and restored, by which run, and where they lie."""

    database: Database
    buckets: BucketRepository
    backups: BackupRepository
    stores: Stores
    sealer: Sealer

    def copier(self, backup: Backup) -> ObjectCopier:
        """Return what handles the objects of a backup, and of the buckets that it was made of."""
        return self.stores.get(backup.store).objects

    def seal(self, secret: SecretStr) -> str:
        """Return a key's secret as only deployer can read it."""
        return self.sealer.seal(ADDRESSEE, secret.get_secret_value())

    def staging(self, backup: Backup, key: AccessKey, applications: Iterable[str]) -> Staging:
        """Return where machines put the state of a backup, or find it."""
        store = self.stores.get(backup.store)
        return Staging(
            granted=GrantedBucket(
                application="",
                purpose=backup.id,
                endpoint=store.endpoint,
                region=store.region,
                bucket=backup.name,
                access_key_id=key.id,
                sealed_secret_key=key.sealed_secret,
            ),
            prefixes={it: backups.state_prefix(it) for it in applications},
        )

    async def current(self, tx: Transaction, job: jobs.Job, backup: str) -> Backup:
        """Return a backup that the run of a job is making.

        Raises:
            ConflictError: it is none, or was given up.
        """
        found = await self.backups.find(tx, backup)
        is_mine = found and (found.deployment, found.run) == (job.deployment, job.run)
        if found is None or not is_mine or found.state not in UNFINISHED:
            raise errors.ConflictError(
                "backup.over", "this backup is not being made any more; make another one"
            )
        return found

    async def give_up(self, tx: Transaction, job: jobs.Job, backup: str) -> None:
        """Record that a backup, if the run of a job is making it, will never be complete."""
        found = await self.backups.find(tx, backup)
        if found and found.run == job.run and found.state in UNFINISHED:
            await self.backups.mark(tx, found.id, BackupState.FAILED)

    async def loan(self, tx: Transaction, job: jobs.Job, backup: str, state: LoanState) -> Loan:
        """Return the loan of the run of a job, in this state.

        Raises:
            ConflictError: there is none any more.
        """
        found = await self.backups.find_loan(tx, job.deployment, backup)
        if found is None or (found.run, found.state) != (job.run, state):
            raise errors.ConflictError(
                "restore.over", "this backup is not being restored any more; restore it again"
            )
        return found

    async def borrowed(self, job: jobs.Job, backup: str, state: LoanState) -> Borrowed:
        """Return the loan of the run of a job with what was lent.

        Raises:
            ConflictError: there is none any more.
            FaultError: the backup's index is damaged.
        """
        async with self.database.transaction() as tx:
            found = await self.backups.find(tx, backup)
            loan = await self.loan(tx, job, backup, state)
            held = await self.buckets.list_of(tx, job.deployment)
        if found is None:
            raise errors.FaultError("backup.unknown", f"backup {backup} is lent and unknown")
        return Borrowed(loan, found, held, await read_index(self.copier(found), found))

    async def end_loan(self, tx: Transaction, job: jobs.Job, backup: str) -> None:
        """Record that the loan of the run of a job, if it has one, is over."""
        found = await self.backups.find_loan(tx, job.deployment, backup)
        if found and found.run == job.run:
            await self.backups.end_loan(tx, found)
