"""Requests: how a wish of a person becomes runs, counted and written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shared import errors

from ..domain.records import Deed
from ..domain.sentences import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction

    from ..domain.deployments import Deployment
    from ..domain.identity import Caller
    from ..domain.runs import Run, RunStep
    from ..ports import AuditTrail, RunRegister
    from .conductor import Conductor, Wish

MOST_WAITING: Final = 10
"""Runs of one deployment that may wait or run at a time."""


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run and its steps."""

    run: Run
    steps: Sequence[RunStep]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Ask for runs; callers hold the lock of the deployment."""

    runs: RunRegister
    conductor: Conductor
    audit: AuditTrail

    async def ask(
        self, tx: Transaction, caller: Caller, deployment: Deployment, wish: Wish
    ) -> RunDetails:
        """Ask for one run."""
        [asked] = await self.ask_all(tx, caller, deployment, [wish])
        return asked

    async def ask_all(
        self, tx: Transaction, caller: Caller, deployment: Deployment, wishes: Sequence[Wish]
    ) -> Sequence[RunDetails]:
        """Ask for runs, each of which begins once the one before has succeeded.

        Raises:
            QuotaExceededError: too many runs of the deployment would wait.
        """
        waiting = await self.runs.list_unfinished(tx, deployment.id)
        if len(waiting) + len(wishes) > MOST_WAITING:
            raise errors.QuotaExceededError(
                "run.too_many",
                say(
                    "{count} runs of this deployment wait already, and there may be {most} at "
                    "most.",
                    count=len(waiting),
                    most=MOST_WAITING,
                ),
            )
        asked: list[Run] = []
        for wish in wishes:
            after = asked[-1].id if asked else None
            run = await self.conductor.request(tx, deployment, replace(wish, after=after))
            asked.append(run)
            await self._write_down(tx, caller, run)
        return [await self.details(tx, it) for it in asked]

    async def details(self, tx: Transaction, run: Run) -> RunDetails:
        """Return a run with its steps, as both are now."""
        found = await self.runs.find(tx, run.id)
        return RunDetails(found or run, await self.runs.list_steps(tx, run.id))

    async def _write_down(self, tx: Transaction, caller: Caller, run: Run) -> None:
        details = {"run": run.id, "revision": str(run.revision or "")}
        if run.backup is not None:
            details["backup"] = run.backup
        deed = Deed(f"{run.kind.value}.requested", run.deployment, details)
        await self.audit.record(tx, caller, deed)
