"""The first half of a restore: a backup that is whole, a key that reads it, and lost objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from shared import jobs
from shared.contracts.messages import Value
from shared.contracts.state import CarriedApplication
from shared.contracts.storage import StateImportRequested

from ..domain import backups, objects
from ..domain import index as indexes
from ..domain.backups import Backup, Loan, LoanState
from .carrying import LONG_SECONDS, copy_whole, from_backup, listing, read_index
from .collect import OBJECTS
from .export import Opened
from .grant import KEY, ensure_key, failed
from .leftovers import LEFTOVERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from .carrying import Copy
    from .ledger import Borrowed, Ledger
    from .leftovers import Leftovers


class RestoreAsked(Value):
    """A backup that somebody wants back."""

    operator: str
    backup: str
    source: str
    applications: tuple[CarriedApplication, ...]


class Differing(Value):
    """Objects that are not as in the backup when a restore begins: all that it may touch."""

    objects: dict[str, dict[str, str]]
    """Bucket → key → ETag."""


@dataclass(frozen=True, slots=True)
class Lending:
    """Refuse what cannot be restored; then let a machine read the backup, and add objects."""

    ledger: Ledger
    leftovers: Leftovers

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name="lend",
            steps=(
                jobs.Step(KEY, self.ensure_key, margin_seconds=LONG_SECONDS),
                jobs.Step(OBJECTS, self.add_objects, margin_seconds=LONG_SECONDS),
            ),
            finish=self.ask_for_import,
            failed=self.announce_failure,
        )

    async def ensure_key(self, job: jobs.Job) -> Opened:
        """Check the whole backup before anything is touched; then make a key that reads it."""
        # What an earlier restore has added and is to take back would not be missed by this one.
        await self.leftovers.take_back(job.deployment)
        await self._check(job)
        async with self.ledger.database.transaction() as tx:
            loan = _loan(job, await self._lendable(tx, job))
            await self.ledger.backups.lend(tx, loan)
            await jobs.start_watch(tx, LEFTOVERS, job.deployment)
        store = self.ledger.stores.lending(loan)
        return Opened(key=await ensure_key(store, loan.holder, None, self.ledger.seal))

    async def add_objects(self, job: jobs.Job) -> Differing:
        """Add the objects that are missing; those that are there stay as they are.

        Only an import that succeeded makes them different, so one that is rolled back costs none.
        """
        asked = job.asked(RestoreAsked)
        it = await self.ledger.borrowed(job, asked.backup, LoanState.WANTED)
        copier = self.ledger.copier(it.backup)
        differing: dict[str, dict[str, str]] = {}
        for part in indexes.parts_to_restore(it.index, it.loan, it.held):
            saved = it.index.below(part.prefix)
            live = await listing(copier, part.bucket, part.roots)
            changes = objects.compare(part, saved, live)
            others = (*changes.different, *changes.surplus)
            differing.setdefault(part.bucket, {}).update({key: live[key].etag for key in others})
            absent = from_backup(it.backup, part, [saved[key] for key in changes.absent])
            await self._note(it, *absent)
            await copy_whole(copier, absent, job, partial(self._note_copy, it))
            await job.report(f"{part.bucket}: {len(absent)} objects added")
        return Differing(objects=differing)

    async def _note(self, it: Borrowed, *copies: Copy) -> None:
        """Write down what is added before it is: a crash may come before the next line."""
        async with self.ledger.database.transaction() as tx:
            for bucket, group in groupby(copies, key=lambda copy: copy.target.bucket):
                etags = {copy.target.key: copy.etag for copy in group}
                await self.ledger.backups.note_added(tx, it.loan, bucket, etags)

    async def _note_copy(self, it: Borrowed, copy: Copy, etag: str) -> None:
        if etag != copy.etag:
            await self._note(it, replace(copy, etag=etag))

    async def ask_for_import(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Record the key and tell where the state lies."""
        backup = await self._lendable(tx, job)
        loan = await self.ledger.loan(tx, job, backup.id, LoanState.WANTED)
        key = job.result(KEY, Opened).key
        differing = job.result(OBJECTS, Differing).objects
        await self.ledger.backups.hand_over(tx, loan, key, differing)
        saved = {it.application: it for it in backup.saved}
        names = [it.application for it in loan.applications]
        return [
            StateImportRequested(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                export=backup.id,
                applications=tuple(saved[name] for name in names),
                staging=self.ledger.staging(backup, key, names),
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Tell what failed; the key is taken away, and so are the objects that were added."""
        await self.ledger.end_loan(tx, job, job.asked(RestoreAsked).backup)
        return [failed(job, fall, is_begun=False)]

    async def _check(self, job: jobs.Job) -> None:
        async with self.ledger.database.transaction() as tx:
            backup = await self._lendable(tx, job)
            held = await self.ledger.buckets.list_of(tx, job.deployment)
        copier = self.ledger.copier(backup)
        index = await read_index(copier, backup)
        indexes.check_whole(index, await listing(copier, backup.name))
        indexes.check_fits(backup, index, _loan(job, backup), held)

    async def _lendable(self, tx: Transaction, job: jobs.Job) -> Backup:
        asked = job.asked(RestoreAsked)
        found = await self.ledger.backups.find(tx, asked.backup)
        return backups.check_lendable(found, operator=asked.operator, source=asked.source)


def _loan(job: jobs.Job, backup: Backup) -> Loan:
    return Loan(
        deployment=job.deployment,
        backup=backup.id,
        source=backup.deployment,
        run=job.run,
        store=backup.store,
        applications=job.asked(RestoreAsked).applications,
    )
