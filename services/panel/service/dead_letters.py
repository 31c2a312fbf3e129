"""Dead letters as the provider sees them: list, show, replay, discard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors
from shared.bus import outbox
from shared.contracts.failures import Failure, Outcome
from shared.contracts.panel import DeadLetterDiscardRequested, DeadLetterReplayRequested

from ..domain.dead_letters import DeadLetter, LetterState
from ..domain.identity import Scope
from ..domain.records import Deed
from ..domain.runs import Run, RunFailure, RunState
from .conductor import SERVICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bus import dead_letters as bus_letters
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.records import Page
    from ..ports import AuditTrail, DeadLetterRegister, DeploymentRegister, RunRegister
    from .conductor import Conductor


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Decide what becomes of messages that a service could not handle."""

    letters: DeadLetterRegister
    deployments: DeploymentRegister
    runs: RunRegister
    conductor: Conductor
    audit: AuditTrail
    own: bus_letters.DeadLetters
    """Panel's own, which no event reaches: it does not consume what it states."""

    async def list_letters(
        self, tx: Transaction, caller: Caller, page: Page, *, waiting: bool
    ) -> Sequence[DeadLetter]:
        """Return them, newest first."""
        caller.require(Scope.PROVIDER)
        return await self.letters.list_newest(tx, page, waiting=waiting)

    async def get(self, tx: Transaction, caller: Caller, letter: str) -> DeadLetter:
        """Return one of them."""
        caller.require(Scope.PROVIDER)
        found = await self.letters.find(tx, letter)
        if found is None:
            raise errors.NotFoundError("dead_letter.not_found", "There is no such dead letter.")
        return found

    async def replay(self, tx: Transaction, caller: Caller, letter: str) -> DeadLetter:
        """Have a message handled again; should that fail, it waits again, with the new reason."""
        found, run = await self._locked(tx, caller, letter)
        found.require_replayable(run)
        await self.letters.decide(tx, letter, LetterState.REPLAYED)
        await self.audit.record(tx, caller, Deed("dead_letter.replayed", letter))
        if run is not None:
            another = await self.letters.find_waiting_of_run(tx, run.id)
            await self.conductor.hold(tx, run, another)
        event = DeadLetterReplayRequested(
            deployment=found.deployment, service=found.service, dead_letter=letter
        )
        if found.service == SERVICE:
            await self.own.on_replay_requested(event, tx)
        else:
            await outbox.add(tx, event, service=SERVICE)
        return await self.get(tx, caller, letter)

    async def discard(self, tx: Transaction, caller: Caller, letter: str) -> DeadLetter:
        """Give a message up; the run that it belongs to cannot go on and ends failed."""
        found, run = await self._locked(tx, caller, letter)
        await self.letters.decide(tx, letter, LetterState.DISCARDED)
        await self.audit.record(tx, caller, Deed("dead_letter.discarded", letter))
        event = DeadLetterDiscardRequested(
            deployment=found.deployment,
            service=found.service,
            dead_letter=letter,
            run=found.run,
        )
        if found.service == SERVICE:
            await self.own.on_discard_requested(event, tx)
        else:
            await outbox.add(tx, event, service=SERVICE)
        if run is not None and not run.state.has_ended:
            await self.conductor.end(tx, run, RunState.FAILED, _given_up(found))
        return await self.get(tx, caller, letter)

    async def _locked(
        self, tx: Transaction, caller: Caller, letter: str
    ) -> tuple[DeadLetter, Run | None]:
        """Return a letter to decide about and its run, with everything locked in order."""
        seen = await self.get(tx, caller, letter)
        await self.deployments.lock(tx, seen.deployment)
        run = await self.runs.lock(tx, seen.run) if seen.run else None
        found = await self.get(tx, caller, letter)
        found.require_waiting()
        return found, run


def _given_up(letter: DeadLetter) -> RunFailure:
    return RunFailure(
        failure=Failure(
            code="dead_letter.discarded",
            message=f"{letter.service} could not handle {letter.event or 'a message'} and the "
            f"hosting provider gave it up: {letter.reason}",
            retryable=True,
        ),
        service=letter.service,
        stage=letter.event,
        outcome=Outcome.PARTIAL,
    )
