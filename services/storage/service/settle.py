"""The second half of a restore: objects as the backup has them, and the end of the loan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import jobs
from shared.contracts.messages import Value
from shared.contracts.state import BackedUpApplication
from shared.contracts.storage import RestoreCompleted

from ..domain import index as indexes
from ..domain import objects
from ..domain.backups import LoanState
from .carrying import LONG_SECONDS, copy_whole, from_backup, listing
from .grant import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.messages import Event
    from shared.database import Transaction

    from .ledger import Ledger

PRUNE: Final = "prune"
REVOKE: Final = "revoke"


class Imported(Value):
    """A backup on which the applications run."""

    backup: str


class Restored(Value):
    """What was restored."""

    applications: tuple[BackedUpApplication, ...]


@dataclass(frozen=True, slots=True)
class Settling:
    """Make a deployment's objects those of a backup, and take its key back."""

    ledger: Ledger

    def kind(self) -> jobs.Kind:
        """Return the kind of job."""
        return jobs.Kind(
            name="settle",
            steps=(
                jobs.Step(PRUNE, self.prune, margin_seconds=LONG_SECONDS),
                jobs.Step(REVOKE, self.revoke),
            ),
            finish=self.announce_restore,
            failed=self.announce_failure,
            # The applications run on the backup's rows by now: their objects have to follow.
            can_be_cancelled=False,
        )

    async def prune(self, job: jobs.Job) -> Restored:
        """Put back what was different, and delete what the backup did not have, when it was lent.

        What either side leaves out of its state is never touched, and neither is what has come
        since: the applications run already, and people may have brought something.
        """
        it = await self.ledger.borrowed(job, job.asked(Imported).backup, LoanState.LENT)
        copier = self.ledger.copier(it.backup)
        for part in indexes.parts_to_restore(it.index, it.loan, it.held):
            saved = it.index.below(part.prefix)
            live = await listing(copier, part.bucket, part.roots)
            changes = objects.compare(part, saved, live)
            seen = it.loan.differing.get(part.bucket, {})
            earlier = [key for key in changes.different if seen.get(key) == live[key].etag]
            surplus = [key for key in changes.surplus if seen.get(key) == live[key].etag]
            wanted = [saved[key] for key in (*changes.absent, *earlier)]
            await copy_whole(copier, from_backup(it.backup, part, wanted), job)
            await copier.delete(part.bucket, surplus)
            await job.report(
                f"{part.bucket}: {len(wanted)} objects put back, {len(surplus)} deleted"
            )
        asked = {application.application for application in it.loan.applications}
        return Restored(
            applications=tuple(
                one.summary for one in it.index.applications if one.application in asked
            )
        )

    async def revoke(self, job: jobs.Job) -> None:
        """Take the key that reads the backup away."""
        async with self.ledger.database.transaction() as tx:
            backup = job.asked(Imported).backup
            loan = await self.ledger.loan(tx, job, backup, LoanState.LENT)
        await self.ledger.stores.lending(loan).revoke(loan.holder.name)

    async def announce_restore(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        """Forget the loan, and say that all is restored."""
        backup = job.asked(Imported).backup
        loan = await self.ledger.loan(tx, job, backup, LoanState.LENT)
        await self.ledger.backups.forget_loan(tx, loan)
        return [
            RestoreCompleted(
                deployment=job.deployment,
                run=job.run,
                revision=job.revision,
                backup=backup,
                applications=job.result(PRUNE, Restored).applications,
            )
        ]

    async def announce_failure(
        self, job: jobs.Job, fall: jobs.Fall, tx: Transaction
    ) -> Sequence[Event]:
        """Tell what failed; the key is taken away, and another restore does the rest."""
        await self.ledger.end_loan(tx, job, job.asked(Imported).backup)
        return [failed(job, fall, is_begun=True)]
