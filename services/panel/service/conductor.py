"""The conductor: queues runs, starts one at a time per deployment, follows and ends them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from shared import errors, ids, telemetry
from shared.bus import outbox
from shared.contracts.deployments import Mode
from shared.contracts.failures import Failure, Outcome
from shared.contracts.panel import CancelRequested

from ..domain.advice import NOT_BEGUN, START
from ..domain.backups import Backup, BackupState
from ..domain.happenings import backup_result
from ..domain.records import Page
from ..domain.runs import (
    EventBody,
    Run,
    RunEventKind,
    RunFailure,
    RunKind,
    RunState,
    RunStep,
    StepStatus,
)
from ..domain.steps import STEPS, answered, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.deployments import Deployment
    from ..ports import BackupRegister, DeploymentRegister, RunRegister
    from .happenings import Happenings
    from .openings import Openings

SERVICE = "panel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A run that somebody asks for."""

    kind: RunKind
    revision: int | None = None
    by: str
    retry_of: str | None = None
    after: str | None = None
    """The run that has to succeed before this one begins."""
    backup: str | None = None
    """The backup to bring back or to take away."""
    is_automatic: bool = False
    """Whether a backup is made because of a restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor:
    """Lead every run from its wish to its end; callers hold the lock of its deployment."""

    deployments: DeploymentRegister
    runs: RunRegister
    backups: BackupRegister
    openings: Openings
    clock: Clock
    happenings: Happenings
    nudge: Callable[[str], None]
    """Called with a run after a commit that left new events for those who watch it."""

    async def request(self, tx: Transaction, deployment: Deployment, wish: Wish) -> Run:
        """Queue a run, and start it when nothing else of the deployment goes on.

        What is queued and now pointless ends superseded, unstarted.
        """
        if wish.after is None:
            await self._overtake(tx, deployment, wish)
        waiting = await self.runs.list_unfinished(tx, deployment.id)
        run = await self._add(tx, deployment, wish)
        return run if waiting or wish.after else await self._start(tx, run)

    async def end(
        self, tx: Transaction, run: Run, state: RunState, failure: RunFailure | None = None
    ) -> Run:
        """End a run and start the one that waits longest."""
        ended = await self._close(tx, run, state, failure)
        await self._start_next(tx, run.deployment)
        return ended

    async def cancel(self, tx: Transaction, run: Run) -> Run:
        """Stop a run: at once when it waits, after the current step when it has begun."""
        if run.state is RunState.QUEUED:
            return await self.end(tx, run, RunState.CANCELLED)
        stopping = run.moved(RunState.CANCELLING, self.clock.now())
        await self.runs.save(tx, stopping)
        await self.say(tx, run, RunEventKind.STATE, EventBody(state=stopping.state))
        with telemetry.continue_from(run.traceparent):
            event = CancelRequested(deployment=run.deployment, run=run.id)
            await outbox.add(tx, event, service=SERVICE)
        return stopping

    async def settle(self, tx: Transaction, run: Run, answer: str) -> None:
        """Mark the steps that an event answers as done, whatever progress told or did not."""
        answered = {(it.service, it.name) for it in STEPS[run.kind] if it.answered_by == answer}
        for step in await self.runs.list_steps(tx, run.id):
            if (step.service, step.name) in answered:
                await self.save_step(tx, run, step, step.settled(StepStatus.SUCCEEDED))

    async def fail_step(self, tx: Transaction, run: Run, service: str, name: str) -> None:
        """Mark the step at which a run failed."""
        for step in await self.runs.list_steps(tx, run.id):
            if (step.service, step.name) == (service, name):
                await self.save_step(tx, run, step, step.settled(StepStatus.FAILED))

    async def hold(self, tx: Transaction, run: Run, letter: str | None) -> None:
        """Mark a run as held by a dead letter, or as free again."""
        if run.state.has_ended or run.held_by == letter:
            return
        await self.runs.save(tx, replace(run, held_by=letter))
        await self.say(tx, run, RunEventKind.STATE, EventBody(state=run.state, held_by=letter))

    async def save_step(self, tx: Transaction, run: Run, old: RunStep, new: RunStep) -> None:
        """Write a step, and tell those who watch when that changed anything they see."""
        saved = await self.runs.save_step(tx, run.id, new)
        if saved is None or saved.seen == old.seen:
            return
        body = EventBody(
            service=saved.service,
            step=saved.name,
            status=saved.status,
            attempt=saved.attempt or None,
            seconds=saved.seconds,
            done=saved.done,
            total=saved.total,
            unit=saved.unit,
        )
        await self.say(tx, run, RunEventKind.STEP, body)
        if saved.status is not old.status:
            await self.happenings.tell_of_run(tx, run, saved)

    async def say(self, tx: Transaction, run: Run, kind: RunEventKind, body: EventBody) -> None:
        """Add an event to the run's own stream."""
        await self.runs.append(tx, run.id, kind, body)
        tx.after_commit(partial(self.nudge, run.id))

    async def _overtake(self, tx: Transaction, deployment: Deployment, wish: Wish) -> None:
        """End what a newer wish makes pointless; what waits for another goes before that one."""
        for earlier in reversed(await self.runs.list_unfinished(tx, deployment.id)):
            if earlier.is_overtaken_by(wish.kind, wish.revision):
                await self._close(tx, earlier, RunState.SUPERSEDED)

    async def _add(self, tx: Transaction, deployment: Deployment, wish: Wish) -> Run:
        # Services order work by these ids, and clocks of replicas differ, or step back.
        before = await self.runs.list_newest(tx, deployment.id, Page(limit=1))
        identifier = ids.id_after(before[0].id) if before else ids.new_id()
        makes_backup = wish.kind is RunKind.BACKUP
        mode = await self._mode(tx, deployment, wish)
        run = Run(
            id=identifier,
            number=0,
            operator=deployment.operator,
            deployment=deployment.id,
            kind=wish.kind,
            revision=wish.revision,
            state=RunState.QUEUED,
            requested_by=wish.by,
            created_at=self.clock.now(),
            retry_of=wish.retry_of,
            after=wish.after,
            backup=identifier if makes_backup else wish.backup,
            traceparent=telemetry.traceparent(),
            prepares=mode is Mode.PREPARED,
        )
        planned = plan(wish.kind, mode)
        steps = [
            RunStep(position=position, service=it.service, name=it.name, status=StepStatus.PENDING)
            for position, it in enumerate(planned, start=1)
        ]
        run = await self.runs.add(tx, run, steps)
        if makes_backup:
            await self.backups.add(tx, _to_be_made(run, deployment, wish))
        await self.say(tx, run, RunEventKind.STATE, EventBody(state=run.state))
        await self.happenings.tell_of_run(tx, run)
        return run

    async def _mode(self, tx: Transaction, deployment: Deployment, wish: Wish) -> Mode:
        if wish.kind is not RunKind.DEPLOY:
            return Mode.ACTIVE
        revision = await self.deployments.find_revision(tx, deployment.id, wish.revision)
        return revision.mode if revision else Mode.ACTIVE

    async def _start(self, tx: Transaction, run: Run) -> Run:
        opening = await self.openings.open(tx, run)
        started = opening.run.moved(RunState.RUNNING, self.clock.now())
        await self.runs.save(tx, started)
        await self.say(tx, run, RunEventKind.STATE, EventBody(state=started.state))
        await self.happenings.tell_of_run(tx, started)
        # A queued run may be started by the end of another: it still belongs to its own trace.
        with telemetry.continue_from(run.traceparent):
            await outbox.add(tx, opening.event, service=SERVICE)
        return started

    async def _start_next(self, tx: Transaction, deployment: str) -> None:
        """Start the run that waits longest; one that cannot be started fails, alone."""
        while (run := await self._next(tx, deployment)) is not None:
            async with tx.attempt() as attempt:
                await self._start(tx, run)
            if attempt.failure is None:
                return
            telemetry.log.error("run_not_started", run=run.id, exc_info=attempt.failure)
            begun = run.moved(RunState.RUNNING, self.clock.now())
            await self._close(tx, begun, RunState.FAILED, _not_started(attempt.failure))

    async def _next(self, tx: Transaction, deployment: str) -> Run | None:
        """Return the run whose turn has come, or None while another goes on."""
        unfinished = await self.runs.list_unfinished(tx, deployment)
        oldest = next(iter(unfinished), None)
        return oldest if oldest is not None and oldest.state is RunState.QUEUED else None

    async def _close(
        self, tx: Transaction, run: Run, state: RunState, failure: RunFailure | None = None
    ) -> Run:
        if failure is not None:
            failure = await self._with_its_story(tx, run, failure)
        ended = replace(run.moved(state, self.clock.now()), failure=failure)
        for step in await self.runs.list_steps(tx, run.id):
            await self.save_step(tx, run, step, step.concluded(state))
        await self.runs.save(tx, ended)
        await self.say(tx, run, RunEventKind.END, EventBody(state=state, failure=failure))
        await self.happenings.tell_of_run(tx, ended)
        if state is not RunState.SUCCEEDED:
            await self._give_up(tx, ended)
        await self._tell_of_backup(tx, ended)
        return ended

    async def _with_its_story(self, tx: Transaction, run: Run, failure: RunFailure) -> RunFailure:
        """Return a failure with what its service does not know of: all that the run has done."""
        steps = await self.runs.list_steps(tx, run.id)
        deployment = await self.deployments.find(tx, run.deployment)
        story = {
            "is_first": deployment is None or not deployment.routes,
            "answered": answered(run.kind, steps),
        }
        return failure.model_copy(update=story)

    async def _tell_of_backup(self, tx: Transaction, ended: Run) -> None:
        kind = backup_result(ended)
        backup = await self.backups.find(tx, ended.backup) if kind and ended.backup else None
        if kind is not None and backup is not None:
            await self.happenings.tell_of_backup(tx, kind, backup)

    async def _give_up(self, tx: Transaction, ended: Run) -> None:
        """Give up what a run that did not succeed was to do, and what waited for it."""
        backup = await self.backups.lock(tx, ended.backup) if ended.backup else None
        if backup is not None and backup.run == ended.id:
            state = backup.after_failure(ended.kind, ended.failure)
            await self.backups.save(tx, replace(backup, state=state))
        for waiting in await self.runs.list_waiting_for(tx, ended.id):
            if waiting.state is RunState.QUEUED:
                await self._close(tx, waiting, RunState.CANCELLED, _not_begun(ended))


def _to_be_made(run: Run, deployment: Deployment, wish: Wish) -> Backup:
    return Backup(
        id=run.id,
        operator=run.operator,
        deployment=run.deployment,
        domain=deployment.domain,
        state=BackupState.MAKING,
        created_at=run.created_at,
        run=run.id,
        is_automatic=wish.is_automatic,
    )


def _not_started(error: Exception) -> RunFailure:
    code = error.code if isinstance(error, errors.HostingError) else "fault.unexpected"
    message = "The run could not be started; the hosting provider's log says why."
    if isinstance(error, errors.ConflictError):
        message = error.message
    return _before_it_began(code, message)


_ENDED: Final = {
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was cancelled",
    RunState.SUPERSEDED: "was overtaken by a newer wish",
}


def _not_begun(earlier: Run) -> RunFailure:
    """Return why a run that waited for another was never begun."""
    what = f"run {earlier.number} ({earlier.kind.value.replace('_', ' ')})"
    why = f": {earlier.failure.failure.message}" if earlier.failure else "."
    message = f"Not begun: {what} had to succeed first, and it {_ENDED[earlier.state]}{why}"
    return _before_it_began(NOT_BEGUN, message)


def _before_it_began(code: str, message: str) -> RunFailure:
    return RunFailure(
        failure=Failure(code=code, message=message, retryable=True),
        service=SERVICE,
        stage=START,
        outcome=Outcome.UNCHANGED,
    )
