"""Runs as operators use them: deploy, remove, retry, and look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors

from ..domain.deployments import Configuration, Deployment, Revision
from ..domain.identity import Scope
from ..domain.records import Deed
from ..domain.runs import Run, RunKind, RunState, Standing
from .conductor import Wish
from .configurations import owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import Resource
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.records import Page
    from ..domain.runs import NumberedEvent, RunStep
    from ..ports import AuditTrail, DeploymentRegister, RunRegister
    from .conductor import Conductor
    from .hosts import Hosts
    from .offer import Offer

MOST_WAITING = 10
"""Runs of one deployment that may wait or run at a time."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A deployment and how it stands."""

    deployment: Deployment
    configuration: Configuration | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run and its steps."""

    run: Run
    steps: Sequence[RunStep]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Ask for runs and watch them."""

    deployments: DeploymentRegister
    runs: RunRegister
    hosts: Hosts
    conductor: Conductor
    offer: Offer
    audit: AuditTrail

    async def deploy(self, tx: Transaction, caller: Caller, deployment: str) -> RunDetails:
        """Make what is staged a revision, and ask for a run that brings it."""
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        found.require_changeable()
        revision = await self._revision(tx, found, caller.person)
        wish = Wish(kind=RunKind.DEPLOY, revision=revision.number, by=caller.person)
        return await self._request(tx, caller, found, wish)

    async def remove(self, tx: Transaction, caller: Caller, deployment: str) -> RunDetails:
        """Ask for a run that takes the deployment away; nothing else can be asked after it."""
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        return await self._remove(tx, caller, found, Wish(kind=RunKind.REMOVE, by=caller.person))

    async def retry(self, tx: Transaction, caller: Caller, run: str) -> RunDetails:
        """Ask for a new run that does what a failed one did not: the same revision again."""
        caller.require(Scope.WRITE)
        earlier = (await self.get(tx, caller, run)).run
        found = owned(await self.deployments.lock(tx, earlier.deployment), caller)
        if earlier.state not in {RunState.FAILED, RunState.CANCELLED}:
            raise errors.ConflictError(
                "run.not_failed",
                f"This run is {earlier.state.value}; retry only a failed or cancelled one.",
            )
        wish = Wish(
            kind=earlier.kind, revision=earlier.revision, by=caller.person, retry_of=earlier.id
        )
        if wish.kind is RunKind.REMOVE:
            return await self._remove(tx, caller, found, wish)
        found.require_changeable()
        await self._check_again(tx, found, earlier.revision)
        return await self._request(tx, caller, found, wish)

    async def get(self, tx: Transaction, caller: Caller, run: str) -> RunDetails:
        """Return a run of the caller's operator."""
        caller.require(Scope.READ)
        found = await self.runs.find(tx, run)
        if found is None or found.operator != caller.operator:
            raise errors.NotFoundError("run.not_found", "There is no such run.")
        return await self._details(tx, found)

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
        """Return the last event of a run, alone, when it has ended and nothing follows `after`."""
        found = await self.runs.find(tx, run)
        if found is None or not found.state.has_ended or found.sequence > after:
            return ()
        return await self.runs.list_events(tx, run, after=found.sequence - 1, limit=1)

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

    async def _remove(
        self, tx: Transaction, caller: Caller, deployment: Deployment, wish: Wish
    ) -> RunDetails:
        if deployment.removed_at is not None:
            raise errors.ConflictError("deployment.removed", "This deployment was removed.")
        for unfinished in await self.runs.list_unfinished(tx, deployment.id):
            if unfinished.kind is RunKind.REMOVE:
                return await self._details(tx, unfinished)
        at = deployment.removal_requested_at or self.conductor.clock.now()
        leaving = replace(deployment, removal_requested_at=at)
        await self.deployments.save(tx, leaving)
        return await self._request(tx, caller, leaving, wish)

    async def _check_again(
        self, tx: Transaction, deployment: Deployment, number: int | None
    ) -> None:
        """Check a revision as if it were new: what it was checked against may have changed."""
        revision = await self.deployments.find_revision(tx, deployment.id, number)
        newest = await self.deployments.find_revision(tx, deployment.id)
        staged = await self.deployments.find_configuration(tx, deployment.id)
        if revision is None or newest is None or staged is None:
            raise errors.FaultError("run.no_revision", f"{deployment.id} has no revision {number}")
        offered = [self.offer.choose(it.application) for it in revision.applications]
        revision.require_repeatable(newest, {it.name: it.immutable for it in offered})
        wanted = (revision.applications, staged.applications)
        taken = await self.hosts.hold(tx, deployment.id, *wanted)
        if taken:
            raise errors.ConflictError(
                "host.taken",
                f"Another deployment uses {', '.join(taken)} by now. Deploy what is staged.",
            )

    async def _request(
        self, tx: Transaction, caller: Caller, deployment: Deployment, wish: Wish
    ) -> RunDetails:
        if len(await self.runs.list_unfinished(tx, deployment.id)) >= MOST_WAITING:
            raise errors.QuotaExceededError(
                "run.too_many", f"{MOST_WAITING} runs of this deployment wait already."
            )
        run = await self.conductor.request(tx, deployment, wish)
        details = {"run": run.id, "revision": str(run.revision or "")}
        deed = Deed(f"{run.kind.value}.requested", deployment.id, details)
        await self.audit.record(tx, caller, deed)
        return await self._details(tx, run)

    async def _details(self, tx: Transaction, run: Run) -> RunDetails:
        return RunDetails(run, await self.runs.list_steps(tx, run.id))

    async def _revision(self, tx: Transaction, deployment: Deployment, by: str) -> Revision:
        """Return the revision of what is staged; unchanged, it is the one there is."""
        staged = await self.deployments.find_configuration(tx, deployment.id)
        if staged is None:
            raise errors.ConflictError("deployment.not_configured", "Nothing is staged to deploy.")
        newest = await self.deployments.find_revision(tx, deployment.id)
        if newest is not None and newest.configuration == staged.version:
            return newest
        orders = self.offer.completed(staged.applications)
        earlier = await self._asked_before(tx, deployment, newest)
        revision = Revision(
            deployment=deployment.id,
            number=newest.number + 1 if newest else 1,
            configuration=staged.version,
            applications=orders,
            resources=self.offer.resources(orders, deployment.domain, earlier),
            created_at=self.conductor.clock.now(),
        )
        await self.deployments.add_revision(tx, revision, by=by)
        return revision

    async def _asked_before(
        self, tx: Transaction, deployment: Deployment, newest: Revision | None
    ) -> Sequence[Resource]:
        """Return what the revision that runs asked for, then what the newest one did."""
        number = deployment.deployed_revision
        runs = await self.deployments.find_revision(tx, deployment.id, number) if number else None
        return [resource for it in (runs, newest) if it for resource in it.resources]
