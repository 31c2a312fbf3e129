"""Interventions: what a person does to what runs: restart, pause, resume, and stop a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors

from ..domain.identity import Scope
from ..domain.records import Deed
from ..domain.runs import RunKind, RunState
from ..domain.sentences import N_
from .conductor import Wish
from .configurations import owned

if TYPE_CHECKING:
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..ports import AuditTrail, DeploymentRegister, RunRegister
    from .conductor import Conductor
    from .readiness import Readiness
    from .requests import Requests, RunDetails
    from .runs import Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Interventions:
    """Let people interfere with what runs."""

    deployments: DeploymentRegister
    registered: RunRegister
    runs: Runs
    readiness: Readiness
    requests: Requests
    conductor: Conductor
    audit: AuditTrail

    async def ask(
        self, tx: Transaction, caller: Caller, deployment: str, kind: RunKind
    ) -> RunDetails:
        """Ask for a restart, a pause or the end of one; asked twice in a row, it is one run."""
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        found.require_changeable()
        waiting = await self.registered.list_unfinished(tx, found.id)
        newest = waiting[-1] if waiting else None
        if newest and newest.kind is kind and newest.state is not RunState.CANCELLING:
            return await self.requests.details(tx, newest)
        await self.readiness.require(tx, found, kind)
        return await self.requests.ask(tx, caller, found, Wish(kind=kind, by=caller.person))

    async def cancel(self, tx: Transaction, caller: Caller, run: str) -> RunDetails:
        """Stop a run: one that waits at once, any other after its current step.

        What is stopped already, or about to be, stays as it is.
        """
        caller.require(Scope.WRITE)
        seen = (await self.runs.get(tx, caller, run)).run
        await self.deployments.lock(tx, seen.deployment)
        found = await self.registered.lock(tx, run) or seen
        if found.kind.removes:
            raise errors.ConflictError(
                "run.not_cancellable",
                "A removal cannot be cancelled: what is gone does not come back. Let it end.",
            )
        if found.state in {RunState.CANCELLING, RunState.CANCELLED}:
            return await self.requests.details(tx, found)
        if found.state.has_ended:
            raise errors.ConflictError("run.ended", _ENDED[found.state])
        stopped = await self.conductor.cancel(tx, found)
        deed = Deed("run.cancelled", found.id, {"deployment": found.deployment})
        await self.audit.record(tx, caller, deed)
        return await self.requests.details(tx, stopped)


_ENDED = {
    RunState.SUCCEEDED: N_("This run has succeeded already; nothing is left to stop."),
    RunState.FAILED: N_("This run has failed already; nothing is left to stop."),
    RunState.SUPERSEDED: N_("This run was overtaken already; nothing is left to stop."),
}
