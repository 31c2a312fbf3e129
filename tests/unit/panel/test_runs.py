"""The state machine of runs, and the steps that each kind takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.panel.domain.runs import (
    TRANSITIONS,
    Kept,
    Receipt,
    Run,
    RunFailure,
    RunKind,
    RunState,
    RunStep,
    StepStatus,
)
from services.panel.domain.steps import STEPS, plan
from shared import errors
from shared.contracts import registry
from shared.contracts.deployments import Mode
from shared.contracts.failures import Failure, Outcome

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def a_run(
    state: RunState = RunState.QUEUED,
    kind: RunKind = RunKind.DEPLOY,
    revision: int | None = 1,
    after: str | None = None,
) -> Run:
    return Run(
        id="r",
        number=1,
        operator="o",
        deployment="d",
        kind=kind,
        revision=revision,
        state=state,
        requested_by="p",
        created_at=AT,
        after=after,
    )


class AnyRun(RuleBasedStateMachine):
    """Whatever is tried in whatever order, a run only goes where the table says."""

    def __init__(self) -> None:
        super().__init__()
        self.run = a_run()
        self.now = AT

    @rule(state=st.sampled_from(RunState))
    def move(self, state: RunState) -> None:
        before = self.run
        self.now += timedelta(seconds=1)
        try:
            self.run = before.moved(state, self.now)
        except errors.ConflictError:
            assert state not in TRANSITIONS[before.state]
            return
        assert state in TRANSITIONS[before.state]
        assert not before.state.has_ended

    @invariant()
    def times_tell_what_happened(self) -> None:
        assert (self.run.ended_at is not None) == self.run.state.has_ended
        if self.run.state in {RunState.RUNNING, RunState.CANCELLING, RunState.SUCCEEDED}:
            assert self.run.started_at is not None
        if self.run.state in {RunState.QUEUED, RunState.SUPERSEDED}:
            assert self.run.started_at is None

    @invariant()
    def what_has_ended_is_held_by_nothing(self) -> None:
        assert not (self.run.state.has_ended and self.run.held_by)


TestAnyRun = AnyRun.TestCase


def test_every_state_has_transitions_and_every_state_is_reached() -> None:
    reached = {RunState.QUEUED}.union(*TRANSITIONS.values())

    assert set(TRANSITIONS) == set(RunState)
    assert reached == set(RunState)


def test_every_member_of_every_enumeration_is_documented() -> None:
    ended = {it for it in RunState if it.has_ended}

    assert ended == {
        RunState.SUCCEEDED,
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.SUPERSEDED,
    }


@pytest.mark.parametrize("kind", RunKind)
def test_the_steps_of_a_run_are_named_once_and_answered_by_known_events(kind: RunKind) -> None:
    steps = [(it.service, it.name) for it in STEPS[kind]]
    events = {it.event_name(): it.owner for it in registry.REGISTRY.values()}

    assert len(steps) == len(set(steps))
    for step in STEPS[kind]:
        if step.service != "panel":
            assert events[step.answered_by] == step.service


@pytest.mark.parametrize(
    ("waiting", "kind", "revision", "overtaken"),
    [
        (a_run(), RunKind.DEPLOY, 2, True),
        (a_run(), RunKind.DEPLOY, 1, False),
        (a_run(), RunKind.REMOVE, None, True),
        (a_run(RunState.RUNNING), RunKind.DEPLOY, 2, False),
        (a_run(RunState.RUNNING), RunKind.REMOVE, None, False),
        (a_run(kind=RunKind.REMOVE, revision=None), RunKind.DEPLOY, 2, False),
        (a_run(kind=RunKind.RESTORE, revision=None), RunKind.DEPLOY, 2, False),
        (a_run(after="the one before"), RunKind.DEPLOY, 2, False),
        (a_run(after="the one before"), RunKind.REMOVE, None, True),
        (a_run(kind=RunKind.RESTORE, revision=None), RunKind.REMOVE, None, True),
        (a_run(kind=RunKind.PAUSE, revision=None), RunKind.REMOVE, None, True),
        (a_run(kind=RunKind.BACKUP, revision=None), RunKind.REMOVE, None, False),
        (a_run(kind=RunKind.REMOVE_BACKUP, revision=None), RunKind.REMOVE, None, False),
    ],
)
def test_only_what_waits_is_overtaken_and_only_by_something_newer(
    *, waiting: Run, kind: RunKind, revision: int | None, overtaken: bool
) -> None:
    assert waiting.is_overtaken_by(kind, revision) is overtaken


@pytest.mark.parametrize(
    ("status", "end", "expected"),
    [
        (StepStatus.PENDING, RunState.SUCCEEDED, StepStatus.SUCCEEDED),
        (StepStatus.RUNNING, RunState.SUCCEEDED, StepStatus.SUCCEEDED),
        (StepStatus.FAILED, RunState.FAILED, StepStatus.FAILED),
        (StepStatus.RUNNING, RunState.FAILED, StepStatus.SKIPPED),
        (StepStatus.PENDING, RunState.SUPERSEDED, StepStatus.SKIPPED),
        (StepStatus.SUCCEEDED, RunState.FAILED, StepStatus.SUCCEEDED),
    ],
)
def test_the_end_of_a_run_settles_every_step(
    status: StepStatus, end: RunState, expected: StepStatus
) -> None:
    step = RunStep(position=1, service="storage", name="bucket", status=status)

    concluded = step.concluded(end)

    assert concluded.status is expected
    assert concluded.is_settled


def a_failure(outcome: Outcome, code: str = "x", *, retryable: bool = False) -> RunFailure:
    failure = Failure(code=code, message="y", retryable=retryable)
    return RunFailure(failure=failure, service="deployer", stage="health", outcome=outcome)


def test_nothing_leads_to_a_prepared_revision() -> None:
    prepared = plan(RunKind.DEPLOY, Mode.PREPARED)

    assert [it.name for it in prepared][-2:] == ["switch", "health"]
    assert set(prepared) < set(plan(RunKind.DEPLOY))


@pytest.mark.parametrize(
    ("kind", "state", "outcome", "broken"),
    [
        (RunKind.DEPLOY, RunState.FAILED, Outcome.PARTIAL, True),
        (RunKind.DEPLOY, RunState.CANCELLED, Outcome.PARTIAL, True),
        (RunKind.RESTORE, RunState.FAILED, Outcome.ROLLBACK_FAILED, True),
        (RunKind.RESTORE, RunState.FAILED, Outcome.ROLLED_BACK, False),
        (RunKind.BACKUP, RunState.FAILED, Outcome.PARTIAL, False),
        (RunKind.DEPLOY, RunState.RUNNING, Outcome.PARTIAL, False),
    ],
)
def test_only_what_changes_the_state_of_things_can_leave_it_broken(
    *, kind: RunKind, state: RunState, outcome: Outcome, broken: bool
) -> None:
    run = replace(a_run(state, kind), failure=a_failure(outcome))

    assert run.left_it_broken is broken


def test_receipts_of_a_removal_and_of_its_retry_are_one() -> None:
    first = Receipt(machines=("m",), buckets_kept=(Kept(bucket="b", until="2026-12-01"),))
    again = Receipt(machines=("m", "n"), buckets_kept=(Kept(bucket="b", until="2026-12-02"),))

    assert first.plus(again) == again
    assert first.plus(Receipt()) == first


@pytest.mark.parametrize(
    ("total", "most"), [(4, 5), (100, 101), (99_999, 101), (None, 10 + 90 * 4)]
)
def test_a_step_of_hours_is_told_in_hundredths(total: int | None, most: int) -> None:
    step = RunStep(position=1, service="storage", name="objects", status=StepStatus.RUNNING)
    counts = range((total or 99_999) + 1)

    told = {replace(step, done=done, total=total).seen for done in counts}

    assert len(told) in range(most - 10, most + 11)
    assert replace(step, done=counts[-1], total=total).seen in told
    assert step.seen not in told
