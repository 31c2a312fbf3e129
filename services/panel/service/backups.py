"""Backups as operators use them: made, looked at, brought back, removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import Mode

from ..domain.backups import Backup, BackupState
from ..domain.identity import Scope
from ..domain.moving import cautions
from ..domain.runs import RunKind
from ..domain.sentences import say
from .conductor import Wish
from .configurations import owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import Application
    from shared.database import Transaction

    from ..domain.deployments import Deployment, Revision
    from ..domain.identity import Caller
    from ..domain.records import Page
    from ..ports import BackupRegister, DeploymentRegister, RunRegister
    from .allowances import Allowances
    from .configurations import Configurations
    from .offer import Offer
    from .readiness import Readiness
    from .requests import Requests, RunDetails
    from .revisions import Revisions


class _RehearsedError(Exception):
    """Nothing stands in the way; what was done to see that is undone."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """The runs that bring a backup back, each of which begins after the one before."""

    deployment: str
    """Where it is brought: what it was made of, or a new one."""
    runs: Sequence[RunDetails]
    warnings: Sequence[str] = ()
    """What to know before the last of them begins, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    """Make and use backups."""

    deployments: DeploymentRegister
    runs: RunRegister
    backups: BackupRegister
    configurations: Configurations
    offer: Offer
    revisions: Revisions
    readiness: Readiness
    requests: Requests
    allowances: Allowances

    async def create(self, tx: Transaction, caller: Caller, deployment: str) -> RunDetails:
        """Ask for a run that saves the state of a deployment."""
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        found.require_changeable()
        await self.readiness.require(tx, found, RunKind.BACKUP)
        await self.allowances.require_backup(tx, found.operator)
        wish = Wish(kind=RunKind.BACKUP, by=caller.person)
        return await self.requests.ask(tx, caller, found, wish)

    async def get(self, tx: Transaction, caller: Caller, backup: str) -> Backup:
        """Return a backup of the caller's operator."""
        caller.require(Scope.READ)
        return _owned(await self.backups.find(tx, backup), caller)

    async def list_backups(
        self,
        tx: Transaction,
        caller: Caller,
        page: Page,
        *,
        deployment: str | None = None,
        removed: bool = False,
    ) -> Sequence[Backup]:
        """Return backups, newest first: those of one deployment, which may be removed, or all."""
        caller.require(Scope.READ)
        if deployment is not None:
            owned(await self.deployments.find(tx, deployment), caller)
        return await self.backups.list_newest(
            tx, caller.operator, page, deployment=deployment, removed=removed
        )

    async def find_complete(
        self, tx: Transaction, caller: Caller, deployment: str
    ) -> Backup | None:
        """Return the newest backup of a deployment that can be brought back, or None."""
        caller.require(Scope.READ)
        owned(await self.deployments.find(tx, deployment), caller)
        return await self.backups.find_complete(tx, deployment)

    async def remove(
        self, tx: Transaction, caller: Caller, backup: str, *, retry_of: str | None = None
    ) -> RunDetails:
        """Ask for a run that takes a backup away, that of a removed deployment as well."""
        caller.require(Scope.WRITE)
        seen = await self.get(tx, caller, backup)
        deployment = owned(await self.deployments.lock(tx, seen.deployment), caller)
        for unfinished in await self.runs.list_unfinished(tx, deployment.id):
            if unfinished.kind is RunKind.REMOVE_BACKUP and unfinished.backup == backup:
                return await self.requests.details(tx, unfinished)
        found = _owned(await self.backups.lock(tx, backup), caller)
        found.require_removable()
        await self._require_unused(tx, found)
        wish = Wish(kind=RunKind.REMOVE_BACKUP, by=caller.person, backup=backup, retry_of=retry_of)
        asked = await self.requests.ask(tx, caller, deployment, wish)
        leaving = replace(found, state=BackupState.REMOVING, run=asked.run.id)
        await self.backups.save(tx, leaving)
        return asked

    async def restore(
        self,
        tx: Transaction,
        caller: Caller,
        backup: str,
        domain: str | None = None,
        *,
        is_kept: bool = True,
    ) -> Restoration:
        """Ask for runs that bring a backup back: in place, or as a new deployment on a domain.

        What is gone can only come back as a new deployment: on its old domain unless another is
        given. In place, what is there is kept in a backup unless nobody wants it.
        """
        caller.require(Scope.WRITE)
        seen = await self.get(tx, caller, backup)
        deployment = owned(await self.deployments.lock(tx, seen.deployment), caller)
        found = _owned(await self.backups.lock(tx, backup), caller)
        found.require_complete()
        if domain is None and deployment.removed_at is None:
            return await self.restore_in_place(tx, caller, deployment, found, is_kept=is_kept)
        return await self._restore_as_new(tx, caller, deployment, found, domain)

    async def foresee(
        self, tx: Transaction, caller: Caller, backup: str, domain: str
    ) -> tuple[str, Sequence[str]]:
        """Return a domain as it will be written, and what to know before a backup comes there.

        Raises:
            InvalidError: nothing can be deployed on such a domain.
            ConflictError: the domain or a host is in use, or the backup is outdated.
            QuotaExceededError: the operator may have no more.
        """
        found = await self.get(tx, caller, backup)
        found.require_complete()
        source = owned(await self.deployments.find(tx, found.deployment), caller)
        name = self.configurations.names.check_domain(domain)
        await self._rehearse(tx, caller, source, found, name)
        made_of = await self.readiness.revision(tx, found.deployment, found.revision)
        return name, cautions(source, name, made_of, self._packages(made_of))

    async def restore_in_place(  # noqa: PLR0913 - what a restore is, spelt out
        self,
        tx: Transaction,
        caller: Caller,
        deployment: Deployment,
        backup: Backup,
        retry_of: str | None = None,
        *,
        is_kept: bool = True,
    ) -> Restoration:
        """Ask for a backup of what is there, unless that is not kept, and a restore after it."""
        deployment.require_changeable()
        await self.readiness.require(tx, deployment, RunKind.RESTORE)
        await self.readiness.require_fit(tx, deployment, backup)
        if is_kept:
            await self.allowances.require_backup(tx, deployment.operator, is_automatic=True)
        saving = Wish(kind=RunKind.BACKUP, by=caller.person, is_automatic=True)
        restoring = Wish(
            kind=RunKind.RESTORE, by=caller.person, backup=backup.id, retry_of=retry_of
        )
        wishes = [saving, restoring] if is_kept else [restoring]
        return Restoration(
            deployment.id, await self.requests.ask_all(tx, caller, deployment, wishes)
        )

    async def _rehearse(
        self, tx: Transaction, caller: Caller, source: Deployment, backup: Backup, domain: str
    ) -> None:
        """Restore as a new deployment and undo it: raise what would stand in the way."""
        async with tx.attempt() as attempt:
            await self._restore_as_new(tx, caller, source, backup, domain)
            raise _RehearsedError
        if attempt.failure is not None and not isinstance(attempt.failure, _RehearsedError):
            raise attempt.failure

    async def _restore_as_new(
        self,
        tx: Transaction,
        caller: Caller,
        source: Deployment,
        backup: Backup,
        domain: str | None,
    ) -> Restoration:
        made_of = await self.readiness.revision(tx, backup.deployment, backup.revision)
        staged = await self.configurations.create_like(
            tx, caller, domain or source.domain, backup, made_of
        )
        deployment, by = staged.deployment, caller.person
        prepared = await self.revisions.of_staged(tx, deployment, by, Mode.PREPARED)
        active = await self.revisions.activated(tx, prepared, by)
        wishes = [
            Wish(kind=RunKind.DEPLOY, revision=prepared.number, by=by),
            Wish(kind=RunKind.RESTORE, revision=prepared.number, by=by, backup=backup.id),
            Wish(kind=RunKind.DEPLOY, revision=active.number, by=by),
        ]
        return Restoration(
            deployment.id,
            await self.requests.ask_all(tx, caller, deployment, wishes),
            cautions(source, deployment.domain, made_of, self._packages(made_of)),
        )

    def _packages(self, revision: Revision) -> dict[str, Application]:
        return {it.application: self.offer.choose(it.application) for it in revision.applications}

    async def _require_unused(self, tx: Transaction, backup: Backup) -> None:
        """Raise ConflictError while a run brings the backup back, or is about to."""
        restoring = await self.runs.find_restoring(tx, backup.id)
        if restoring is not None:
            raise errors.ConflictError(
                "backup.in_use",
                say(
                    "Run {number} restores this backup. Remove it when that has ended.",
                    number=restoring.number,
                ),
            )


def _owned(backup: Backup | None, caller: Caller) -> Backup:
    """Return the backup if it is the caller's; another's answers as if it did not exist."""
    if backup is None or backup.operator != caller.operator:
        raise errors.NotFoundError("backup.not_found", "There is no such backup.")
    return backup
