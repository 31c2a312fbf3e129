"""One claimed job: its steps in order, each recorded before and after, and its one end."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared import clock, errors, telemetry
from shared.bus import outbox
from shared.contracts.failures import Failure
from shared.contracts.progress import Progress, StepState

from . import store
from .model import CANCELLED, Fall, Job, Kind, Publish, ReenterError, Report, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.contracts.messages import Value
    from shared.database import Database
    from shared.settings import RuntimeSettings

AWAY_SECONDS: Final = 0.3
BACK_OFF_SECONDS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.0)
MOST_LINES: Final = 100
MOST_ENDINGS: Final = 5
"""How often to try to write how a job ended before that is what is wrong."""
MOST_REENTRIES: Final = 8
"""How often the world may change below a job before that is what is wrong."""
MOST_MOVING: Final = 30
"""Attempts of a step that were interrupted while they got further, before that is what is wrong."""
TIMEOUT: Final = "step.timeout"


class LostError(Exception):
    """The job is somebody else's by now, or nobody wants it any more."""


class RearmedError(Exception):
    """Another run asked for the same work."""


@dataclass(slots=True)
class _Headway:
    """When a step got further: an hour of work is no hour of waiting for the world."""

    step: str = ""
    attempts: int = 0
    """In how many it got further."""
    done: int | None = None
    is_moving: bool = False
    moved_at: float = -math.inf

    def begin(self) -> None:
        """Begin another attempt, which may have to begin at nought."""
        self.done, self.is_moving = None, False

    def see(self, done: int | None) -> None:
        """Take a report; what is counted may change, and is less than before then."""
        if done is None:
            return
        if self.done is not None and done > self.done:
            self.attempts += not self.is_moving
            self.is_moving, self.moved_at = True, time.monotonic()
        self.done = done

    def seconds(self) -> float:
        """Return for how long it got no further."""
        return math.inf if self.attempts > MOST_MOVING else time.monotonic() - self.moved_at


@dataclass(slots=True, kw_only=True)
class Holding:
    """A job in the hands of this worker, for as long as it keeps the lease."""

    service: str
    database: Database
    kind: Kind
    publish: Publish
    settings: RuntimeSettings
    lease: store.Lease
    _headway: _Headway = field(default_factory=_Headway, init=False)

    async def do(self) -> None:
        """Do what is left of the job and write its end.

        Raises:
            LostError: somebody else holds it by now, or its run has been overtaken.
        """
        while True:
            row = self.lease.row
            name, run, deployment = f"job {self.kind.name}", row["run"], row["deployment"]
            with (
                telemetry.continue_from(row["traceparent"]),
                telemetry.span(name, run=run, deployment=deployment),
            ):
                if await self._until_rearmed():
                    return

    async def _until_rearmed(self) -> bool:
        try:
            if self.lease.row["rearmed"]:
                await self._save(lambda: store.restart(self.database, self.lease))
            await self._all_steps()
        except RearmedError:
            return False
        return True

    async def _all_steps(self) -> None:
        while step := self.kind.next_step(self.lease.row["results"]):
            fall = await self._step(step)
            if fall:
                await self._end(fall)
                return
        fall = await self._end(None)
        if fall:
            await self._end(fall)

    async def _step(self, step: Step) -> Fall | None:
        """Try a step once; say what it failed with, or None when it is done or worth a retry."""
        await self._save(lambda: store.begin_step(self.database, self.lease, step.name))
        if fall := self._exit_before(step):
            return fall
        if self._headway.step != step.name:
            self._headway = _Headway(step.name)
        self._headway.begin()
        await self._tell(step.name, StepState.RUNNING, Report())
        await asyncio.sleep(self.settings.pause_before(step.name))
        result, error = await _outcome(self._in_span(step), step)
        if isinstance(error, ReenterError) and self.lease.row["reentries"] >= MOST_REENTRIES:
            return await self._fall(step.name, _never_ends(error))
        if isinstance(error, ReenterError):
            keep = self.kind.before(error.step)
            await self._save(lambda: store.go_back(self.database, self.lease, error.step, keep))
            return None
        if isinstance(error, errors.UnavailableError):
            return await self._wait(step, error)
        if error is not None:
            return await self._fall(step.name, error)
        done = {step.name: result.model_dump(mode="json") if result else {}}
        await self._save(lambda: store.end_step(self.database, self.lease, done))
        await self._tell(step.name, StepState.SUCCEEDED, Report())
        return None

    def _exit_before(self, step: Step) -> Fall | None:
        """Return how a cancelled job ends here: at the last step that was begun."""
        row = self.lease.row
        begun = row["attempt"] > 1
        if not row["cancelled"] or self.kind.is_bound(step, row["results"], begun=begun):
            return None
        done = [it for it in self.kind.before(step.name) if it in row["results"]]
        stage = step.name if begun or not done else done[-1]
        telemetry.log.info("job_cancelled", job=self.lease.id, kind=self.kind.name, stage=stage)
        where = "in" if begun else "after" if done else "before"
        words = f"The run was cancelled; it stopped {where} the step {stage}."
        return Fall(failure=Failure(code=CANCELLED, message=words, retryable=True), stage=stage)

    async def _in_span(self, step: Step) -> Value | None:
        code = telemetry.code_name(step.do)
        attempt = self.lease.row["attempt"]
        with telemetry.span(f"step {step.name}", attempt=attempt, code__function__name=code):
            return await step.do(self._job(step.name))

    async def _wait(self, step: Step, error: errors.UnavailableError) -> Fall | None:
        """Wait a while before the next attempt, unless the patience is over."""
        spent = await _patiently(lambda: store.seconds_in_step(self.database, self.lease))
        if error.code != TIMEOUT:
            spent = min(spent, self._headway.seconds())
        if spent > step.patience_seconds:
            return await self._fall(step.name, error)
        attempt = int(self.lease.row["attempt"])
        await self._tell(step.name, StepState.RETRYING, Report(lines=(error.message,)))
        await asyncio.sleep(BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS)) - 1])
        return None

    async def _fall(self, stage: str, error: BaseException) -> Fall:
        failure = failure_of(error)
        await self._tell(stage, StepState.FAILED, Report(lines=(failure.message,)))
        return Fall(failure=failure, stage=stage)

    async def _end(self, fall: Fall | None) -> Fall | None:
        """Write the job's end; return what went wrong when success could not be written.

        Raises:
            Exception: failure could not be written either; a person has to look.
        """
        attempt = 0
        while True:
            _, error = await _outcome(self._conclude(fall))
            if error is None:
                return None
            if isinstance(error, (RearmedError, LostError)):
                raise error
            if isinstance(error, errors.UnavailableError):
                await asyncio.sleep(AWAY_SECONDS)
                continue
            attempt += 1
            if attempt < MOST_ENDINGS:
                telemetry.log.warning("job_end_not_written", job=self.lease.id, exc_info=error)
                await asyncio.sleep(BACK_OFF_SECONDS[attempt - 1])
            elif fall:
                raise error
            else:
                return await self._fall(self.kind.steps[-1].name, error)

    async def _conclude(self, fall: Fall | None) -> None:
        """Write state, events and the job's end in one transaction."""
        job = self._job(self.kind.steps[-1].name)
        async with self.database.transaction() as tx:
            tx.cause = self.lease.row["cause"]
            failure = fall.failure if fall else None
            if await store.end(tx, self.lease, failure):
                finish = self.kind.failed(job, fall, tx) if fall else self.kind.finish(job, tx)
                for event in await finish:
                    await outbox.add(tx, event, service=self.service)
                return
        await self._save(lambda: store.extend(self.database, self.lease, 1.0))
        raise LostError

    async def _save(self, write: Callable[[], Awaitable[store.Lease | None]]) -> None:
        """Write to the job's row, however long the database is away, and see what it says now."""
        found = await _patiently(write)
        if found is None:
            raise LostError
        self.lease = found
        if found.row["abandoned"]:
            await _patiently(lambda: store.abandon(self.database, found))
            raise LostError
        if found.row["rearmed"]:
            raise RearmedError

    def _job(self, step: str) -> Job:
        row = self.lease.row

        async def tell(report: Report, state: StepState) -> None:
            self._headway.see(report.done)
            await self._tell(step, state, report)

        return Job(
            id=row["id"],
            kind=row["kind"],
            deployment=row["deployment"],
            revision=row["revision"],
            run=row["run"],
            attempt=row["attempt"],
            arguments=row["arguments"],
            results=row["results"],
            earlier=row["previous"],
            tell=tell,
            is_cancelled=row["cancelled"],
        )

    async def _tell(self, step: str, state: StepState, report: Report) -> None:
        row = self.lease.row
        await self.publish(
            Progress(
                deployment=row["deployment"],
                run=row["run"],
                service=self.service,
                step=step,
                state=state,
                attempt=max(1, row["attempt"]),
                done=report.done,
                total=report.total,
                unit=report.unit,
                lines=tuple(map(telemetry.redacted_text, report.lines[:MOST_LINES])),
                at=clock.system.now().isoformat(),
            )
        )


def _never_ends(error: ReenterError) -> errors.FaultError:
    return errors.FaultError(
        "job.keeps_going_back",
        f"the work had to begin again at {error.step} more than {MOST_REENTRIES} times: a machine "
        "that boots again and again is the usual cause",
    )


def failure_of(error: BaseException) -> Failure:
    """Return what to say about an error; one that nobody foresaw is logged, not shown."""
    if isinstance(error, errors.HostingError):
        telemetry.log.warning("job_failed", code=error.code, reason=error.in_full)
        return Failure(
            code=error.code,
            message=telemetry.redacted_text(error.message),
            retryable=error.retryable,
            details=error.details,
        )
    telemetry.log.error("job_failed_unexpectedly", exc_info=error)
    message = "Something broke that we did not foresee; the provider's log has the details."
    return Failure(code="fault.unexpected", message=message, retryable=True)


async def _outcome(
    work: Awaitable[Any], step: Step | None = None
) -> tuple[Any, BaseException | None]:
    """Return what some work resulted in and what it raised; whatever it was, we go on.

    An attempt at a step that does not return is cut off: nothing may hold its run for ever.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=step.limit_seconds if step else None)
        if step and not task.done():
            task.cancel()
            await asyncio.wait({task})
            return None, errors.UnavailableError(
                TIMEOUT,
                f"step {step.name} did not end within {step.limit_seconds:g} s and was cut off",
            )
    finally:
        if not task.done():  # we ourselves are being cancelled: nothing may go on acting
            task.cancel()
            await asyncio.wait({task})
    error = task.exception()
    return (None if error else task.result()), error


async def _patiently(write: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - passes through what `write` returns
    while True:
        try:
            return await write()
        except errors.UnavailableError:
            await asyncio.sleep(AWAY_SECONDS)
