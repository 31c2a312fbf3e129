"""Leftovers: take away what is left of backups that failed and of restores that are over.

A run may end without storage: at deployer, by a message that nobody could handle, or because a
later run has begun. So this is no job of a run but a watch, which tries again until all is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import jobs, telemetry
from shared.contracts.failures import Outcome

from ..domain.backups import Backup, BackupState, Loan, LoanState
from .carrying import find_all

if TYPE_CHECKING:
    from shared.database import Database, Transaction

    from ..domain.objects import Place
    from ..ports import BackupRepository
    from .stores import Stores

LEFTOVERS: Final = "leftovers"
MOST_TAKEN_BACK: Final = 500
"""How many objects are looked at before what is gone is forgotten."""
AS_BEFORE: Final = frozenset({Outcome.UNCHANGED, Outcome.ROLLED_BACK})
"""How a restore ends that has cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Leave neither keys nor half backups behind."""

    database: Database
    backups: BackupRepository
    stores: Stores
    every_seconds: float

    def watch(self) -> jobs.Watch:
        """Return the watch over deployments with backups or restores that have not ended."""
        return jobs.Watch(LEFTOVERS, look=self.look, every_seconds=self.every_seconds)

    async def look(self, deployment: str) -> None:
        """Take away what is left; end the watch when nothing is under way any more."""
        await self.clear(deployment)
        async with self.database.transaction() as tx:
            unfinished = await self.backups.list_unfinished(tx, deployment)
            if not unfinished and not await self.backups.list_loans(tx, deployment):
                await jobs.stop_watch(tx, LEFTOVERS, deployment)

    async def clear(self, deployment: str) -> None:
        """Take away every key and bucket of a deployment's backups and restores that are over."""
        async with self.database.transaction() as tx:
            failed = await self._failed(tx, deployment)
        for backup in failed:
            store = self.stores.holding(backup)
            await store.revoke(backup.name)
            await store.delete_bucket(backup.name)
            async with self.database.transaction() as tx:
                await self.backups.forget(tx, backup.id)
            telemetry.log.info("backup_abandoned", deployment=deployment, backup=backup.id)
        await self.take_back(deployment)

    async def take_back(self, deployment: str) -> None:
        """Take back what a deployment was given in restores that are over."""
        async with self.database.transaction() as tx:
            ended = await self._ended(tx, deployment)
        for loan in ended:
            await self.stores.lending(loan).revoke(loan.holder.name)
            await self._delete_added(loan)
            async with self.database.transaction() as tx:
                await self.backups.forget_loan(tx, loan)
            telemetry.log.info("restore_abandoned", deployment=deployment, backup=loan.backup)

    async def _delete_added(self, loan: Loan) -> None:
        """Delete the objects that a restore has added, as far as nobody has replaced them since.

        Some at a time, each forgotten when it is gone: a look is short, and the next one goes on.
        """
        copier = self.stores.get(loan.store).objects
        while added := await self._some_added(loan):
            found = await find_all(copier, added)
            unchanged = [it for it, known in found.items() if known.etag == added[it]]
            for bucket in sorted({it.bucket for it in unchanged}):
                await copier.delete(bucket, [it.key for it in unchanged if it.bucket == bucket])
            async with self.database.transaction() as tx:
                await self.backups.forget_added(tx, loan, list(added))

    async def _some_added(self, loan: Loan) -> dict[Place, str]:
        async with self.database.transaction() as tx:
            return await self.backups.list_added(tx, loan, MOST_TAKEN_BACK)

    async def end(self, tx: Transaction, deployment: str, run: str, outcome: Outcome) -> None:
        """Record that whatever a run has begun here will not be finished.

        Args:
            tx: the transaction that writes it.
            deployment: what the run is about.
            run: the run that has ended.
            outcome: how deployer has left the applications; on rows that may be those of the
                backup they need its objects, too.
        """
        for backup in await self.backups.list_unfinished(tx, deployment):
            if backup.run == run:
                await self.backups.mark(tx, backup.id, BackupState.FAILED)
        for loan in await self.backups.list_loans(tx, deployment):
            if loan.run == run:
                if outcome not in AS_BEFORE:
                    await self.backups.forget_added(tx, loan)
                await self.backups.end_loan(tx, loan)

    async def _failed(self, tx: Transaction, deployment: str) -> list[Backup]:
        found = []
        for it in await self.backups.list_unfinished(tx, deployment):
            is_over = it.state is BackupState.FAILED
            if is_over or await self.backups.is_overtaken(tx, deployment, it.run):
                await self.backups.mark(tx, it.id, BackupState.FAILED)
                found.append(it)
        return found

    async def _ended(self, tx: Transaction, deployment: str) -> list[Loan]:
        found = []
        for it in await self.backups.list_loans(tx, deployment):
            is_over = it.state is LoanState.OVER
            if is_over or await self.backups.is_overtaken(tx, deployment, it.run):
                if it.state is LoanState.LENT:
                    # Deployer has not said how it left the applications.
                    await self.backups.forget_added(tx, it)
                await self.backups.end_loan(tx, it)
                found.append(it)
        return found
