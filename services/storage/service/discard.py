"""The end of a backup: its bucket goes, whether or not its deployment is still there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, jobs
from shared.contracts.messages import Value
from shared.contracts.storage import BackupRemoved

from ..domain.backups import BackupState, LoanState, check_owner
from .carrying import LONG_SECONDS
from .grant import BUCKET, failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..domain.backups import Backup
    from .ledger import Ledger
    from .leftovers import Leftovers


class DiscardAsked(Value):
    """A backup that somebody wants gone."""

    operator: str
    backup: str


@dataclass(frozen=True, slots=True)
class Discarding:
    """Delete a backup, with every key that opens it."""

    ledger: Ledger
    leftovers: Leftovers

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name="discard",
            steps=(
                # What is deleted in part cannot be restored: only its end makes sense.
                jobs.Step(BUCKET, self.delete_bucket, margin_seconds=LONG_SECONDS, last_exit=True),
            ),
            finish=self.announce_removed,
            failed=self.announce_failure,
        )

    async def delete_bucket(self, job: jobs.Job) -> None:
        """Take every key away, then delete the bucket; one that is gone is no error."""
        # Of its own restores from the backup all are over: their run came before this one.
        await self.leftovers.take_back(job.deployment)
        async with self.ledger.database.transaction() as tx:
            backup = await self._begin(tx, job)
        if backup is None:
            return
        store = self.ledger.stores.holding(backup)
        await store.revoke(backup.name)
        await store.delete_bucket(backup.name)
        await job.report(f"{backup.name} is deleted")

    async def announce_removed(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Forget the backup, and say that it is gone."""
        asked = job.asked(DiscardAsked)
        await self.ledger.backups.forget(tx, asked.backup)
        return [BackupRemoved(deployment=job.deployment, run=job.run, backup=asked.backup)]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Tell what failed, and whether the backup can still be restored."""
        found = await self.ledger.backups.find(tx, job.asked(DiscardAsked).backup)
        is_begun = found is not None and found.state is BackupState.REMOVING
        return [failed(job, fall, is_begun=is_begun)]

    async def _begin(self, tx: Transaction, job: jobs.Job) -> Backup | None:
        asked = job.asked(DiscardAsked)
        backup = await self.ledger.backups.find(tx, asked.backup)
        if backup is None:
            return None
        check_owner(backup, operator=asked.operator, source=job.deployment)
        loans = await self.ledger.backups.list_loans_of(tx, backup.id)
        if any(it.state is not LoanState.OVER for it in loans):
            raise errors.ConflictError(
                "backup.lent",
                "another deployment is being restored from this backup; "
                "remove it when that has ended",
            )
        if loans:
            raise errors.UnavailableError(
                "backup.being_returned",
                "another deployment's restore from this backup has ended; what it was given is "
                "being taken back",
            )
        await self.ledger.backups.mark(tx, backup.id, BackupState.REMOVING)
        return backup
