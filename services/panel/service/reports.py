"""Reports: what somebody gives to the hosting provider about a run that did not go well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import telemetry

from ..domain.report import Story, write

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..ports import DeploymentRegister, RunRegister
    from ..ports.people import PersonRegister
    from .runs import Runs

MOST_EVENTS: Final = 10_000
"""The newest of a run; more makes a report that nobody can send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Write reports."""

    runs: Runs
    registered: RunRegister
    deployments: DeploymentRegister
    people: PersonRegister
    version: str
    clock: Clock

    async def write(self, tx: Transaction, caller: Caller, run: str) -> str:
        """Return the report of a run of the caller's operator.

        Raises:
            NotFoundError: the run is not the caller's.
        """
        found = await self.runs.get(tx, caller, run)
        it = found.run
        revision = await self.deployments.find_revision(tx, it.deployment, it.revision)
        members = await self.people.list_members(tx, it.operator)
        events = await self.registered.list_events(
            tx, it.id, after=max(0, it.sequence - MOST_EVENTS), limit=MOST_EVENTS
        )
        ordered = revision.applications if revision else ()
        story = Story(
            run=it,
            steps=found.steps,
            events=events,
            applications=[f"{order.application} {order.version}" for order in ordered],
            panel=self.version,
            names=[person.name for person, _ in members],
        )
        return telemetry.redacted_text(write(story, self.clock.now()))
