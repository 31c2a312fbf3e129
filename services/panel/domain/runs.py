"""Runs: anything long that a person watches, as a state machine with named steps.

queued ──▶ running ──▶ succeeded
  │  │        │ ├────▶ failed
  │  │        │ ▼        ▲
  │  │        │ cancelling ──▶ cancelled (or succeeded, when the end came first)
  │  └──────▶ cancelled
  └─────────▶ superseded
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.failures import Failure, Outcome
from shared.contracts.messages import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class RunKind(StrEnum):
    """What a run does."""

    DEPLOY = "deploy"
    """Bring one revision to run."""
    REMOVE = "remove"
    """Take a deployment away."""
    BACKUP = "backup"
    """Save the state of a deployment."""
    RESTORE = "restore"
    """Bring the state of a backup into a deployment."""
    REMOVE_BACKUP = "remove_backup"
    """Take a backup away."""
    RESTART = "restart"
    """Stop the applications and start them again."""
    PAUSE = "pause"
    """Let the applications stand still, and say so to whoever asks for them."""
    RESUME = "resume"
    """Let paused applications go on."""

    @property
    def removes(self) -> bool:
        """Whether it takes something away, which cannot be stopped half-way."""
        return self in {RunKind.REMOVE, RunKind.REMOVE_BACKUP}

    @property
    def changes_state(self) -> bool:
        """Whether what runs, or the state it runs on, is another one after it."""
        return self in {RunKind.DEPLOY, RunKind.RESTORE}


class RunState(StrEnum):
    """How a run stands."""

    QUEUED = "queued"
    """Another run of the deployment has to end first."""
    RUNNING = "running"
    """The services work on it."""
    CANCELLING = "cancelling"
    """It will stop after the current step."""
    SUCCEEDED = "succeeded"
    """Everything was done, and seen from outside where that can be seen."""
    FAILED = "failed"
    """It ended before its goal; the failure says why and what state things are in."""
    CANCELLED = "cancelled"
    """A person stopped it, or the run that it waited for did not succeed."""
    SUPERSEDED = "superseded"
    """A newer wish came before it had started."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen in this run."""
        return not TRANSITIONS[self]


HUNDRED: Final = 100
TRANSITIONS: Final[Mapping[RunState, frozenset[RunState]]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED, RunState.SUPERSEDED}),
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLING}),
    RunState.CANCELLING: frozenset({RunState.CANCELLED, RunState.SUCCEEDED, RunState.FAILED}),
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.SUPERSEDED: frozenset(),
}


class StepStatus(StrEnum):
    """How a step of a run stands, as a person sees it."""

    PENDING = "pending"
    """Its turn has not come."""
    RUNNING = "running"
    """It is being done."""
    RETRYING = "retrying"
    """It did not work yet and is tried again."""
    SUCCEEDED = "succeeded"
    """It is done."""
    FAILED = "failed"
    """It could not be done."""
    SKIPPED = "skipped"
    """The run ended before it was done."""


class Kept(Value):
    """A bucket that a removal left in place for a while."""

    bucket: str
    until: str


class Receipt(Value):
    """What a removal took away, and what it kept until when."""

    machines: tuple[str, ...] = ()
    buckets_kept: tuple[Kept, ...] = ()

    def plus(self, part: Receipt) -> Receipt:
        """Return both in one; what the later one says of a bucket counts."""
        kept = {it.bucket: it for it in (*self.buckets_kept, *part.buckets_kept)}
        return Receipt(
            machines=tuple(dict.fromkeys((*self.machines, *part.machines))),
            buckets_kept=tuple(kept.values()),
        )


class RunFailure(Value):
    """Why a run failed, what state that left, and what can be done."""

    failure: Failure
    service: str
    stage: str
    outcome: Outcome
    """As that service saw it."""
    is_first: bool = False
    """Whether nothing led to the deployment's applications when it ended."""
    answered: tuple[str, ...] = ()
    """The parts of the run that were done by then, by the events that said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run; it changes only along TRANSITIONS."""

    id: str
    number: int
    """Per operator, for display."""
    operator: str
    deployment: str
    kind: RunKind
    revision: int | None
    state: RunState
    requested_by: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: RunFailure | None = None
    receipt: Receipt | None = None
    changed: bool | None = None
    """Whether a deploy changed anything; None until deployer said so."""
    held_by: str | None = None
    """Id of the dead letter that keeps this run from going on."""
    retry_of: str | None = None
    after: str | None = None
    """The run that has to succeed before this one begins."""
    backup: str | None = None
    """The backup that it makes, brings back or takes away."""
    sequence: int = 0
    """Number of the newest event of this run."""
    traceparent: str | None = None
    """The trace this run belongs to."""
    prepares: bool = False
    """Whether it is a deploy that only makes room for the state of a backup: nothing runs after."""

    def moved(self, state: RunState, at: datetime) -> Run:
        """Return the run in another state.

        Raises:
            ConflictError: no transition leads there.
        """
        if state not in TRANSITIONS[self.state]:
            raise errors.ConflictError(
                "run.state", f"A run that is {self.state.value} cannot become {state.value}."
            )
        started = at if state is RunState.RUNNING else self.started_at
        ended = at if state.has_ended else None
        held = None if state.has_ended else self.held_by
        return replace(self, state=state, started_at=started, ended_at=ended, held_by=held)

    def is_overtaken_by(self, kind: RunKind, revision: int | None) -> bool:
        """Say whether a newer wish makes this run pointless, as long as it has not started.

        A backup is not pointless before a removal: it is what will be left.
        """
        if self.state is not RunState.QUEUED or self.kind.removes or self.kind is RunKind.BACKUP:
            return False
        if kind is RunKind.REMOVE:
            return True
        is_deploy = self.kind is RunKind.DEPLOY and self.after is None
        return is_deploy and kind is RunKind.DEPLOY and (self.revision or 0) < (revision or 0)

    @property
    def left_it_broken(self) -> bool:
        """Whether it ended half-way, so that what runs is not known to be whole."""
        outcome = self.failure.outcome if self.failure else Outcome.UNCHANGED
        broken = {Outcome.PARTIAL, Outcome.ROLLBACK_FAILED}
        return self.state.has_ended and self.kind.changes_state and outcome in broken


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """One step of one run, as far as it is known."""

    position: int
    service: str
    name: str
    status: StepStatus
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    is_settled: bool = False
    """Whether its service has said that it is over: late progress changes nothing any more."""

    @property
    def seconds(self) -> float | None:
        """How long it took, once it has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds(), 3)

    @property
    def seen(self) -> tuple[object, ...]:
        """What somebody who watches sees of it: a step of hours is told in hundredths."""
        done = _coarse(self.done, self.total)
        return (self.status, self.attempt, done, _coarse(self.total), self.unit)

    def concluded(self, run: RunState) -> RunStep:
        """Return the step as the end of its run leaves it."""
        if self.status in {StepStatus.SUCCEEDED, StepStatus.FAILED}:
            return self.settled(self.status)
        succeeded = run is RunState.SUCCEEDED
        return self.settled(StepStatus.SUCCEEDED if succeeded else StepStatus.SKIPPED)

    def settled(self, status: StepStatus) -> RunStep:
        """Return the step as it ended for good."""
        return replace(self, status=status, is_settled=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a deployment's runs say about it."""

    active: Run | None = None
    """The one that runs, else the one that waits longest."""
    newest: Run | None = None
    """The one that ended last, with success or failure."""
    change: Run | None = None
    """The deploy or restore that ended last and left things other than it had found them."""


class RunEventKind(StrEnum):
    """What an event in a run's own stream says."""

    STATE = "state"
    """The run changed its state."""
    STEP = "step"
    """A step changed its status, or got further."""
    LOG = "log"
    """A service wrote lines."""
    END = "end"
    """The run has ended; nothing follows."""


class EventBody(Value):
    """The payload of an event in a run's own stream; which fields are set depends on its kind."""

    state: RunState | None = None
    service: str | None = None
    step: str | None = None
    status: StepStatus | None = None
    attempt: int | None = None
    seconds: float | None = None
    """How long the step took, once it ended."""
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    lines: tuple[str, ...] = ()
    held_by: str | None = None
    failure: RunFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedEvent:
    """One event in a run's own stream, numbered from 1 without gaps."""

    sequence: int
    at: datetime
    kind: RunEventKind
    body: EventBody


def _coarse(count: int | None, total: int | None = None) -> int | None:
    """Return a count in hundredths of a total, or by its first two digits."""
    if count is None or max(count, total or 0) <= HUNDRED:
        return count
    if total:
        return count * HUNDRED // total
    ending = len(str(count)) - 2
    return int(f"{count}"[:2] + "0" * ending)
