"""The conductor: queues runs, starts one at a time per deployment, follows and ends them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors, ids, telemetry
from shared.bus import outbox
from shared.contracts.failures import Failure, Outcome
from shared.contracts.panel import DeploymentRemovalRequested, DeploymentRequested

from ..domain.runs import (
    STEPS,
    EventBody,
    Run,
    RunEventKind,
    RunFailure,
    RunKind,
    RunState,
    RunStep,
    StepStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.clock import Clock
    from shared.contracts.messages import Event
    from shared.database import Transaction

    from ..domain.deployments import Deployment
    from ..ports import DeploymentRegister, RunRegister

SERVICE = "panel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A run that somebody asks for."""

    kind: RunKind
    revision: int | None = None
    by: str
    retry_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor:
    """Lead every run from its wish to its end; callers hold the lock of its deployment."""

    deployments: DeploymentRegister
    runs: RunRegister
    clock: Clock
    nudge: Callable[[], None]
    """Called after a commit that left new events for those who watch."""

    async def request(self, tx: Transaction, deployment: Deployment, wish: Wish) -> Run:
        """Queue a run, and start it when nothing else of the deployment goes on.

        What is queued and now pointless ends superseded, unstarted.
        """
        waiting = []
        for earlier in await self.runs.list_unfinished(tx, deployment.id):
            if earlier.is_overtaken_by(wish.kind, wish.revision):
                await self._close(tx, earlier, RunState.SUPERSEDED)
            else:
                waiting.append(earlier)
        run = await self._add(tx, deployment, wish)
        return run if waiting else await self._start(tx, run)

    async def end(
        self, tx: Transaction, run: Run, state: RunState, failure: RunFailure | None = None
    ) -> Run:
        """End a run and start the one that waits longest."""
        ended = await self._close(tx, run, state, failure)
        await self._start_next(tx, run.deployment)
        return ended

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
        if saved is None or _seen(saved) == _seen(old):
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

    async def say(self, tx: Transaction, run: Run, kind: RunEventKind, body: EventBody) -> None:
        """Add an event to the run's own stream."""
        await self.runs.append(tx, run.id, kind, body)
        tx.after_commit(self.nudge)

    async def _add(self, tx: Transaction, deployment: Deployment, wish: Wish) -> Run:
        run = Run(
            id=ids.new_id(),
            number=0,
            operator=deployment.operator,
            deployment=deployment.id,
            kind=wish.kind,
            revision=wish.revision,
            state=RunState.QUEUED,
            requested_by=wish.by,
            created_at=self.clock.now(),
            retry_of=wish.retry_of,
            traceparent=telemetry.traceparent(),
        )
        steps = [
            RunStep(position=position, service=it.service, name=it.name, status=StepStatus.PENDING)
            for position, it in enumerate(STEPS[wish.kind], start=1)
        ]
        run = await self.runs.add(tx, run, steps)
        await self.say(tx, run, RunEventKind.STATE, EventBody(state=run.state))
        return run

    async def _start(self, tx: Transaction, run: Run) -> Run:
        started = run.moved(RunState.RUNNING, self.clock.now())
        await self.runs.save(tx, started)
        await self.say(tx, run, RunEventKind.STATE, EventBody(state=started.state))
        # A queued run may be started by the end of another: it still belongs to its own trace.
        with telemetry.continue_from(run.traceparent):
            await outbox.add(tx, await self._wish_event(tx, started), service=SERVICE)
        return started

    async def _start_next(self, tx: Transaction, deployment: str) -> None:
        """Start the run that waits longest; one that cannot be started fails, alone."""
        for run in await self.runs.list_unfinished(tx, deployment):
            if run.state is not RunState.QUEUED:
                return
            async with tx.attempt() as attempt:
                await self._start(tx, run)
            if attempt.failure is None:
                return
            telemetry.log.error("run_not_started", run=run.id, exc_info=attempt.failure)
            begun = run.moved(RunState.RUNNING, self.clock.now())
            await self._close(tx, begun, RunState.FAILED, _not_started(attempt.failure))

    async def _wish_event(self, tx: Transaction, run: Run) -> Event:
        deployment = await self.deployments.find(tx, run.deployment)
        if run.kind is RunKind.REMOVE:
            return DeploymentRemovalRequested(
                deployment=run.deployment, run=run.id, operator=run.operator
            )
        revision = await self.deployments.find_revision(tx, run.deployment, run.revision)
        if deployment is None or revision is None:
            raise errors.FaultError("run.no_revision", f"run {run.id} has no revision to deploy")
        return DeploymentRequested(
            deployment=run.deployment,
            run=run.id,
            revision=revision.number,
            operator=run.operator,
            domain=deployment.domain,
            applications=revision.applications,
            resources=revision.resources,
        )

    async def _close(
        self, tx: Transaction, run: Run, state: RunState, failure: RunFailure | None = None
    ) -> Run:
        ended = replace(run.moved(state, self.clock.now()), failure=failure)
        for step in await self.runs.list_steps(tx, run.id):
            await self.save_step(tx, run, step, step.concluded(state))
        await self.runs.save(tx, ended)
        await self.say(tx, run, RunEventKind.END, EventBody(state=state, failure=failure))
        return ended


def _seen(step: RunStep) -> tuple[object, ...]:
    return (step.status, step.attempt, step.done, step.total, step.unit)


def _not_started(error: Exception) -> RunFailure:
    return RunFailure(
        failure=Failure(
            code=error.code if isinstance(error, errors.HostingError) else "fault.unexpected",
            message="The run could not be started; the hosting provider's log says why.",
            retryable=True,
        ),
        service=SERVICE,
        stage="start",
        outcome=Outcome.UNCHANGED,
    )
