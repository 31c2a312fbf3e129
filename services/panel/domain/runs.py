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
    """A person stopped it."""
    SUPERSEDED = "superseded"
    """A newer wish came before it had started."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen in this run."""
        return not TRANSITIONS[self]


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


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step that a run of some kind takes."""

    service: str
    answered_by: str
    """Name of the event that says it is done; empty for what panel does itself."""
    name: str


def _steps(service: str, answered_by: str, *names: str) -> tuple[PlannedStep, ...]:
    return tuple(PlannedStep(service, answered_by, name) for name in names)


STEPS: Final[Mapping[RunKind, tuple[PlannedStep, ...]]] = {
    RunKind.DEPLOY: (
        *_steps("provisioner", "VMReady", "image", "machine", "boot"),
        *_steps("storage", "StorageReady", "bucket", "key"),
        *_steps("deployer", "ConfigDeployed", "build", "copy", "secrets", "switch", "health"),
        *_steps("provisioner", "RoutePublished", "record", "route"),
        *_steps("panel", "", "check"),
    ),
    RunKind.REMOVE: (
        *_steps("provisioner", "VMRemoved", "route", "record", "machine"),
        *_steps("storage", "StorageRemoved", "key", "bucket"),
        *_steps("deployer", "SystemRemoved", "secrets"),
    ),
}
"""The steps of each kind of run, in the order in which people see them."""


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

    @property
    def next(self) -> str:
        """What a person can do now."""
        return _NEXT[self.outcome] if self.failure.retryable else _NEXT_CHANGED[self.outcome]


_NEXT: Final[Mapping[Outcome, str]] = {
    Outcome.UNCHANGED: "Nothing was changed. Try again.",
    Outcome.ROLLED_BACK: "The earlier state is back. Try again.",
    Outcome.PARTIAL: "Some of it exists. Try again to continue, or remove the deployment.",
    Outcome.ROLLBACK_FAILED: "Tell the hosting provider: a person has to look at the machine.",
}
_NEXT_CHANGED: Final[Mapping[Outcome, str]] = {
    Outcome.UNCHANGED: "Nothing was changed. Change the configuration, then deploy again.",
    Outcome.ROLLED_BACK: "The earlier state is back. Change the configuration, then deploy again.",
    Outcome.PARTIAL: "Some of it exists. Change the configuration and deploy again, "
    "or remove the deployment.",
    Outcome.ROLLBACK_FAILED: "Tell the hosting provider: a person has to look at the machine.",
}


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
    sequence: int = 0
    """Number of the newest event of this run."""
    traceparent: str | None = None
    """The trace this run belongs to."""

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
        """Say whether a newer wish makes this run pointless, as long as it has not started."""
        if self.state is not RunState.QUEUED or self.kind is RunKind.REMOVE:
            return False
        return kind is RunKind.REMOVE or (self.revision or 0) < (revision or 0)


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
