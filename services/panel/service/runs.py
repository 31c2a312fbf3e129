"""Runs as operators use them: deploy, remove, and look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors

from ..domain.identity import Scope
from ..domain.runs import Run, RunEventKind, RunKind, Standing
from ..domain.sentences import say
from .conductor import Wish
from .configurations import owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.deployments import Configuration, Deployment
    from ..domain.identity import Caller
    from ..domain.records import Page
    from ..domain.runs import NumberedEvent
    from ..ports import DeploymentRegister, RunRegister
    from .requests import Requests, RunDetails
    from .revisions import Revisions


@dataclass(frozen=True, slots=True)
class Overview:
    """A deployment and how it stands."""

    deployment: Deployment
    configuration: Configuration | None
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Ask for runs and watch them."""

    deployments: DeploymentRegister
    runs: RunRegister
    revisions: Revisions
    requests: Requests
    clock: Clock

    async def deploy(self, tx: Transaction, caller: Caller, deployment: str) -> RunDetails:
        """Make what is staged a revision, and ask for a run that brings it."""
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        found.require_changeable()
        await self._require_no_restore(tx, found)
        revision = await self.revisions.of_staged(tx, found, caller.person)
        wish = Wish(kind=RunKind.DEPLOY, revision=revision.number, by=caller.person)
        return await self.requests.ask(tx, caller, found, wish)

    async def remove(
        self, tx: Transaction, caller: Caller, deployment: str, *, retry_of: str | None = None
    ) -> RunDetails:
        """Ask for a run that takes the deployment away; nothing else can be asked after it."""
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        if found.removed_at is not None:
            raise errors.ConflictError("deployment.removed", "This deployment was removed.")
        for unfinished in await self.runs.list_unfinished(tx, found.id):
            if unfinished.kind is RunKind.REMOVE:
                return await self.requests.details(tx, unfinished)
        leaving = replace(
            found, removal_requested_at=found.removal_requested_at or self.clock.now()
        )
        await self.deployments.save(tx, leaving)
        wish = Wish(kind=RunKind.REMOVE, by=caller.person, retry_of=retry_of)
        return await self.requests.ask(tx, caller, leaving, wish)

    async def get(self, tx: Transaction, caller: Caller, run: str) -> RunDetails:
        """Return a run of the caller's operator."""
        caller.require(Scope.READ)
        found = await self.runs.find(tx, run)
        if found is None or found.operator != caller.operator:
            raise errors.NotFoundError("run.not_found", "There is no such run.")
        return await self.requests.details(tx, found)

    async def list_following(self, tx: Transaction, run: str) -> Sequence[Run]:
        """Return what begins after a run, one after the other; who asks was checked by `get`."""
        found: list[Run] = []
        while waiting := await self.runs.list_waiting_for(tx, found[-1].id if found else run):
            found.append(waiting[-1])
        return found

    async def list_runs(
        self, tx: Transaction, caller: Caller, deployment: str, page: Page
    ) -> Sequence[Run]:
        """Return the runs of a deployment, newest first."""
        caller.require(Scope.READ)
        owned(await self.deployments.find(tx, deployment), caller)
        return await self.runs.list_newest(tx, deployment, page)

    async def list_events(
        self, tx: Transaction, run: str, *, after: int, limit: int
    ) -> Sequence[NumberedEvent]:
        """Return what happened in a run after an event; who asks was checked by `get`."""
        return await self.runs.list_events(tx, run, after=after, limit=limit)

    async def find_end(self, tx: Transaction, run: str, *, after: int) -> Sequence[NumberedEvent]:
        """Return the event that ended a run, alone, when nothing follows `after`."""
        found = await self.runs.find(tx, run)
        if found is None or not found.state.has_ended or found.sequence > after:
            return ()
        return await self.runs.list_events(tx, run, after=0, limit=1, kind=RunEventKind.END)

    async def overview(self, tx: Transaction, caller: Caller, deployment: str) -> Overview:
        """Return a deployment and how it stands."""
        caller.require(Scope.READ)
        found = owned(await self.deployments.find(tx, deployment), caller)
        return (await self._overviews(tx, [found]))[0]

    async def list_overviews(
        self, tx: Transaction, caller: Caller, page: Page, *, removed: bool = False
    ) -> Sequence[Overview]:
        """Return the operator's deployments, newest first, removed ones only if asked for."""
        caller.require(Scope.READ)
        found = await self.deployments.list_newest(tx, caller.operator, page, removed=removed)
        return await self._overviews(tx, found)

    async def _overviews(
        self, tx: Transaction, deployments: Sequence[Deployment]
    ) -> Sequence[Overview]:
        found = [it.id for it in deployments]
        standings = await self.runs.standings(tx, found)
        staged = await self.deployments.find_configurations(tx, found)
        return [Overview(it, staged.get(it.id), standings[it.id]) for it in deployments]

    async def _require_no_restore(self, tx: Transaction, deployment: Deployment) -> None:
        """Raise ConflictError while the state of a backup is on its way into a new deployment."""
        for it in await self.runs.list_unfinished(tx, deployment.id):
            if it.kind is RunKind.DEPLOY and it.after is not None:
                raise errors.ConflictError(
                    "deployment.restoring",
                    say(
                        "A backup is being brought here, which run {number} concludes. Deploy when "
                        "that has ended.",
                        number=it.number,
                    ),
                )
