"""The first half of a backup: a bucket, and a key with which a machine writes to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors, ids, jobs
from shared.contracts.messages import Value
from shared.contracts.state import CarriedApplication
from shared.contracts.storage import StateExportRequested

from ..domain import backups
from ..domain.backups import Backup
from ..domain.buckets import AccessKey, Holder
from .grant import ADDRESSEE, BUCKET, KEY, ensure_key, failed
from .leftovers import LEFTOVERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from .ledger import Ledger


class BackupAsked(Value):
    """A backup that somebody wants."""

    operator: str
    backup: str
    applications: tuple[CarriedApplication, ...]


class Opened(Value):
    """The key that opens a backup."""

    key: AccessKey


@dataclass(frozen=True, slots=True)
class Exporting:
    """Make room for a backup, and ask for the state of the machines."""

    ledger: Ledger

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name="backup",
            steps=(jobs.Step(BUCKET, self.ensure_bucket), jobs.Step(KEY, self.ensure_key)),
            finish=self.ask_for_state,
            failed=self.announce_failure,
        )

    async def ensure_bucket(self, job: jobs.Job) -> None:
        """Write the backup down, and make its bucket exist."""
        async with self.ledger.database.transaction() as tx:
            backup = await self._write_down(tx, job)
            # Here, where no look at what is left can be under way, lest it end the watch.
            await jobs.start_watch(tx, LEFTOVERS, job.deployment)
        await self.ledger.stores.holding(backup).ensure_bucket(backup.name)
        await job.report(backup.name)

    async def ensure_key(self, job: jobs.Job) -> Opened:
        """Make the bucket have one key that writes to it."""
        async with self.ledger.database.transaction() as tx:
            backup = await self.ledger.current(tx, job, job.asked(BackupAsked).backup)
        store, holder = self.ledger.stores.holding(backup), Holder.own(backup.name)
        return Opened(key=await ensure_key(store, holder, None, self.ledger.seal))

    async def ask_for_state(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Record the key and tell where the state belongs."""
        backup = await self.ledger.current(tx, job, job.asked(BackupAsked).backup)
        key = job.result(KEY, Opened).key
        await self.ledger.backups.open(tx, backup.id, key)
        names = tuple(it.application for it in backup.applications)
        return [
            StateExportRequested(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                export=backup.id,
                applications=names,
                staging=self.ledger.staging(backup, key, names),
                recipient=ADDRESSEE,
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Tell what failed; what there is of the backup is taken away."""
        await self.ledger.give_up(tx, job, job.asked(BackupAsked).backup)
        return [failed(job, fall, is_begun=False)]

    async def _write_down(self, tx: Transaction, job: jobs.Job) -> Backup:
        asked, ledger = job.asked(BackupAsked), self.ledger
        if not ids.is_id(asked.backup):
            raise errors.InvalidError("backup.id", f"{asked.backup!r} is not the id of a backup")
        if await ledger.backups.find(tx, asked.backup):
            return await ledger.current(tx, job, asked.backup)
        held = await ledger.buckets.list_of(tx, job.deployment)
        wanted = Backup(
            id=asked.backup,
            deployment=job.deployment,
            operator=asked.operator,
            revision=job.revision,
            run=job.run,
            store=backups.choose_store(asked.applications, held, ledger.stores.first),
            applications=asked.applications,
        )
        await ledger.backups.add(tx, wanted)
        return wanted
