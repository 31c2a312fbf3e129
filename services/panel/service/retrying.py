"""Retrying: what a run did not do is asked for again, together with what waited for it.

The rule: a retry is a new run that does the same. What was not begun because the run did not
succeed is queued again behind the retry; it cannot be retried by itself. A restore in place gets a
new backup of what is there before it, unless the restore left that broken: then the backup of what
was there before is the one to keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import Mode

from ..domain.advice import NOT_BEGUN
from ..domain.identity import Scope
from ..domain.runs import Run, RunKind, RunState
from ..domain.sentences import say
from .conductor import Wish
from .configurations import owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction

    from ..domain.backups import Backup
    from ..domain.deployments import Deployment
    from ..domain.identity import Caller
    from ..ports import BackupRegister, DeploymentRegister, RunRegister
    from .allowances import Allowances
    from .backups import Backups
    from .hosts import Hosts
    from .offer import Offer
    from .readiness import Readiness
    from .requests import Requests, RunDetails
    from .runs import Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a retry does that cannot be undone."""

    kind: RunKind
    """A restore, or a removal."""
    backup: Backup | None
    """What comes back, or is taken away."""
    is_kept: bool = False
    """Whether what a restore replaces is backed up before."""
    is_broken: bool = False
    """Whether the run to be retried left what is there half-way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """Ask again for what failed or was cancelled."""

    deployments: DeploymentRegister
    registered: RunRegister
    kept: BackupRegister
    runs: Runs
    backups: Backups
    hosts: Hosts
    offer: Offer
    readiness: Readiness
    requests: Requests
    allowances: Allowances

    async def foresee(self, tx: Transaction, caller: Caller, run: str) -> Foreseen | None:
        """Return what a retry would replace or remove; None where it does neither.

        What waited for the run comes with its retry, so it counts as well. A restore into a
        deployment that was made for it replaces nothing.
        """
        caller.require(Scope.WRITE)
        earlier = (await self.runs.get(tx, caller, run)).run
        _require_unsuccessful(earlier)
        await self._require_predecessor(tx, earlier)
        for it in (earlier, *await self._not_begun(tx, earlier)):
            backup = await self.kept.find(tx, it.backup) if it.backup else None
            if it.kind.removes:
                return Foreseen(kind=it.kind, backup=backup)
            if it.kind is RunKind.RESTORE and backup and backup.deployment == it.deployment:
                return Foreseen(
                    kind=it.kind,
                    backup=backup,
                    is_kept=it.after is not None and not it.left_it_broken,
                    is_broken=it.left_it_broken,
                )
        return None

    async def retry(self, tx: Transaction, caller: Caller, run: str) -> RunDetails:
        """Ask for a new run that does what a failed or cancelled one did not."""
        caller.require(Scope.WRITE)
        seen = (await self.runs.get(tx, caller, run)).run
        deployment = owned(await self.deployments.lock(tx, seen.deployment), caller)
        earlier = await self.registered.find(tx, run) or seen
        _require_unsuccessful(earlier)
        await self._require_predecessor(tx, earlier)
        if earlier.kind is RunKind.REMOVE:
            return await self.runs.remove(tx, caller, deployment.id, retry_of=earlier.id)
        if earlier.kind is RunKind.REMOVE_BACKUP and earlier.backup is not None:
            return await self.backups.remove(tx, caller, earlier.backup, retry_of=earlier.id)
        deployment.require_changeable()
        asked = await self._ask_again(tx, caller, deployment, earlier)
        return next(it for it in asked if it.run.retry_of == earlier.id)

    async def _require_predecessor(self, tx: Transaction, earlier: Run) -> None:
        """Raise ConflictError unless what had to come before a run has succeeded."""
        before = await self.registered.find(tx, earlier.after) if earlier.after else None
        if before is not None and before.state is not RunState.SUCCEEDED:
            raise errors.ConflictError(
                "run.waits_for_another",
                say(
                    "Run {number} has to succeed before this one. Retry that one: this one is then "
                    "queued again.",
                    number=before.number,
                ),
            )

    async def _ask_again(
        self, tx: Transaction, caller: Caller, deployment: Deployment, earlier: Run
    ) -> Sequence[RunDetails]:
        if earlier.kind is RunKind.RESTORE:
            backup = await self._complete_backup(tx, earlier)
            if backup.deployment == deployment.id and not earlier.left_it_broken:
                found = await self.backups.restore_in_place(
                    tx,
                    caller,
                    deployment,
                    backup,
                    retry_of=earlier.id,
                    is_kept=earlier.after is not None,
                )
                return found.runs
            await self._check_restore(tx, deployment, backup)
        elif earlier.kind is RunKind.DEPLOY:
            await self._check_revision(tx, deployment, earlier.revision)
        else:
            await self.readiness.require(tx, deployment, earlier.kind)
            await self._check_backup(tx, earlier)
        again = [earlier, *await self._not_begun(tx, earlier)]
        wishes = [await self._wish(tx, it, caller.person) for it in again]
        return await self.requests.ask_all(tx, caller, deployment, wishes)

    async def _not_begun(self, tx: Transaction, earlier: Run) -> Sequence[Run]:
        """Return what waited for a run, and for that in turn, and was therefore not begun."""
        found: list[Run] = []
        last = earlier
        while True:
            waited = await self.registered.list_waiting_for(tx, last.id)
            after = next((it for it in waited if _was_not_begun(it)), None)
            if after is None:
                return found
            found.append(after)
            last = after

    async def _wish(self, tx: Transaction, earlier: Run, by: str) -> Wish:
        made = await self.kept.find(tx, earlier.backup) if earlier.backup else None
        makes_backup = earlier.kind is RunKind.BACKUP
        in_place = made is not None and made.deployment == earlier.deployment
        return Wish(
            kind=earlier.kind,
            # What runs when its turn has come, where that is what the run is about.
            revision=None if makes_backup or in_place else earlier.revision,
            by=by,
            retry_of=earlier.id,
            backup=None if makes_backup else earlier.backup,
            is_automatic=makes_backup and made is not None and made.is_automatic,
        )

    async def _check_restore(self, tx: Transaction, deployment: Deployment, backup: Backup) -> None:
        if backup.deployment != deployment.id:
            await self.readiness.require_unused(tx, deployment)
            return
        await self.readiness.require(tx, deployment, RunKind.RESTORE)
        await self.readiness.require_fit(tx, deployment, backup)

    async def _check_backup(self, tx: Transaction, earlier: Run) -> None:
        """Check that there may be another backup; what a failed run has made does not count."""
        if earlier.kind is RunKind.BACKUP:
            made = await self.kept.find(tx, earlier.id)
            is_automatic = made is not None and made.is_automatic
            await self.allowances.require_backup(tx, earlier.operator, is_automatic=is_automatic)

    async def _complete_backup(self, tx: Transaction, earlier: Run) -> Backup:
        backup = await self.kept.lock(tx, earlier.backup) if earlier.backup else None
        if backup is None:
            raise errors.FaultError("run.no_backup", f"run {earlier.id} has no backup")
        backup.require_complete()
        return backup

    async def _check_revision(
        self, tx: Transaction, deployment: Deployment, number: int | None
    ) -> None:
        """Check a revision as if it were new: what it was checked against may have changed."""
        revision = await self.deployments.find_revision(tx, deployment.id, number)
        newest = await self.deployments.find_revision(tx, deployment.id)
        staged = await self.deployments.find_configuration(tx, deployment.id)
        if revision is None or newest is None or staged is None:
            raise errors.FaultError("run.no_revision", f"{deployment.id} has no revision {number}")
        if revision.mode is not Mode.ACTIVE:
            await self.readiness.require_unused(tx, deployment)
        offered = [self.offer.choose(it.application) for it in revision.applications]
        revision.require_repeatable(newest, {it.name: it.immutable for it in offered})
        wanted = (revision.applications, staged.applications)
        taken = await self.hosts.hold(tx, deployment.id, *wanted)
        if taken:
            raise errors.ConflictError(
                "host.taken",
                say(
                    "Another deployment uses {hosts} by now. Deploy what is staged.",
                    hosts=", ".join(taken),
                ),
            )


def _require_unsuccessful(run: Run) -> None:
    """Raise ConflictError unless there is something to retry."""
    if run.state not in {RunState.FAILED, RunState.CANCELLED}:
        raise errors.ConflictError(
            "run.not_failed",
            "Only a run that failed or was cancelled can be retried, and this one was not.",
        )


def _was_not_begun(run: Run) -> bool:
    return run.failure is not None and run.failure.failure.code == NOT_BEGUN
