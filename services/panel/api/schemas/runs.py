"""Runs and their events, as the API shows them."""

from datetime import datetime
from typing import Self

from pydantic import ConfigDict, JsonValue

from shared.contracts.failures import Outcome

from ...domain.advice import advise
from ...domain.runs import NumberedEvent, Run, RunKind, RunState, StepStatus
from ...service.requests import RunDetails
from .. import examples
from .shape import Answer, Id


class RunSummary(Answer):
    """A run without its steps."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RUN_SUMMARY]})

    id: Id
    number: int
    """Counted per operator, for display."""
    kind: RunKind
    state: RunState
    revision: int | None
    created_at: datetime


class StepAnswer(Answer):
    """One step of a run."""

    service: str
    name: str
    status: StepStatus
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    done: int | None
    total: int | None
    unit: str | None


class FailureAnswer(Answer):
    """Why a run did not succeed: what, why, what state that left, and what can be done."""

    code: str
    what: str
    """The service and the step at which it failed."""
    why: str
    outcome: Outcome
    """What the service that failed says of its own part."""
    left: str
    """The state that all of it is in."""
    next: str
    """What can be done."""
    retryable: bool


class KeptAnswer(Answer):
    """A bucket that a removal left in place for a while."""

    bucket: str
    until: str


class ReceiptAnswer(Answer):
    """What a removal took away, and what it kept until when."""

    machines: tuple[str, ...]
    buckets_kept: tuple[KeptAnswer, ...]


class RunAnswer(RunSummary):
    """A run with its steps."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RUN]})

    deployment: Id
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    """From being asked for to its end."""
    sequence: int
    """Number of the newest event: open the stream after it."""
    changed: bool | None
    held_by: str | None
    """The dead letter that keeps it from going on."""
    retry_of: str | None
    after: str | None
    """The run that has to succeed before this one begins."""
    backup: str | None
    """The backup that it makes, brings back or takes away."""
    failure: FailureAnswer | None
    receipt: ReceiptAnswer | None
    steps: tuple[StepAnswer, ...]

    @classmethod
    def of_details(cls, found: RunDetails) -> Self:
        """Return how a run is shown."""
        run = found.run
        return cls(
            **RunSummary.model_validate(run).model_dump(),
            deployment=run.deployment,
            started_at=run.started_at,
            ended_at=run.ended_at,
            seconds=_seconds(run),
            sequence=run.sequence,
            changed=run.changed,
            held_by=run.held_by,
            retry_of=run.retry_of,
            after=run.after,
            backup=run.backup,
            failure=_failure(run),
            receipt=ReceiptAnswer.model_validate(run.receipt) if run.receipt else None,
            steps=tuple(StepAnswer.model_validate(it) for it in found.steps),
        )


class EventAnswer(Answer):
    """One event of a run, as in the stream."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EVENT]})

    id: int
    event: str
    data: dict[str, JsonValue]

    @classmethod
    def of(cls, event: NumberedEvent) -> Self:
        """Return how an event is shown."""
        body = event.body.model_dump(mode="json", exclude_defaults=True)
        return cls(id=event.sequence, event=event.kind, data={"at": event.at.isoformat()} | body)


def _seconds(run: Run) -> float | None:
    return round((run.ended_at - run.created_at).total_seconds(), 3) if run.ended_at else None


def _failure(run: Run) -> FailureAnswer | None:
    if run.failure is None:
        return None
    found = run.failure
    advice = advise(run.kind, found)
    return FailureAnswer(
        code=found.failure.code,
        what=f"{found.service} {_how(run)} at {found.stage}",
        why=found.failure.message,
        outcome=found.outcome,
        left=advice.left,
        next=advice.next,
        retryable=found.failure.retryable,
    )


def _how(run: Run) -> str:
    return "stopped" if run.state is RunState.CANCELLED else "failed"
