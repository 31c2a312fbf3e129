"""Runs as pages show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from services.panel.domain import advice
from services.panel.domain.history import ListedRun
from services.panel.domain.runs import (
    Run,
    RunFailure,
    RunKind,
    RunState,
    RunStep,
    StepStatus,
)
from services.panel.domain.steps import STEPS
from services.panel.web.presenters import runs, states, wording
from shared.contracts.failures import Failure, Outcome
from tests.support.runs import RUNNING

NOW: Final = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
BEGUN: Final = NOW - timedelta(minutes=2)
RUN: Final = replace(RUNNING, number=7, created_at=BEGUN, started_at=BEGUN)


def step(position: int, name: str, status: StepStatus, **more: object) -> RunStep:
    plain = RunStep(position=position, service="provisioner", name=name, status=status)
    return replace(plain, **more)  # type: ignore[arg-type]  # as the test says


def shown(
    run: Run, *steps: RunStep, usual: dict[tuple[str, str], float] | None = None
) -> runs.RunView:
    return runs.present(ListedRun(run, "garden.example", "Robin"), steps, usual or {}, NOW)


DONE: Final = step(
    0,
    "image",
    StepStatus.SUCCEEDED,
    started_at=NOW - timedelta(seconds=90),
    ended_at=NOW - timedelta(seconds=48),
)
GOING_ON: Final = step(1, "machine", StepStatus.RUNNING, started_at=NOW - timedelta(seconds=48))
TO_DO: Final = step(2, "boot", StepStatus.PENDING)


def test_the_tab_says_how_far_a_run_is() -> None:
    assert shown(RUN, DONE, GOING_ON, TO_DO).title == "(2/3) Deploying garden.example"


def test_a_run_between_two_steps_is_at_the_next() -> None:
    assert shown(RUN, DONE, TO_DO).place == 2


def test_a_run_that_is_over_says_only_how_it_ended() -> None:
    ended = replace(RUN, state=RunState.SUCCEEDED, ended_at=NOW)

    view = shown(ended, DONE)

    assert view.title == "garden.example is deployed"
    assert view.percent == 100
    assert view.favicon == "succeeded"


def test_a_step_says_how_long_it_took_and_what_is_to_come_how_long_it_usually_takes() -> None:
    view = shown(RUN, DONE, GOING_ON, TO_DO, usual={("provisioner", "boot"): 130.0})

    assert [it.took for it in view.steps] == ["42 s", "", "about 2 min"]


def test_a_run_says_how_long_it_usually_takes_when_all_of_its_steps_do() -> None:
    usual = {("provisioner", name): 60.0 for name in ("image", "machine", "boot")}

    assert shown(RUN, DONE, GOING_ON, TO_DO, usual=usual).usual == "about 3 min"
    del usual["provisioner", "boot"]
    assert not shown(RUN, DONE, GOING_ON, TO_DO, usual=usual).usual


def test_a_step_that_takes_longer_than_usual_says_so() -> None:
    usual = {("provisioner", "machine"): 20.0}

    assert shown(RUN, GOING_ON, usual=usual).steps[0].detail == "Taking longer than usual"


def test_a_step_with_a_total_says_how_much_is_done() -> None:
    counted = replace(GOING_ON, done=1_500_000, total=6_000_000, unit="bytes")

    [it] = shown(RUN, counted).steps

    assert (it.progress, it.detail) == (25, "1.5 MB of 6 MB")


def test_a_step_that_is_tried_again_says_how_often() -> None:
    again = replace(GOING_ON, status=StepStatus.RETRYING, attempt=3)

    assert shown(RUN, again).steps[0].word == "Trying again (3)"


def test_a_failure_says_what_and_why_how_things_are_and_what_to_do() -> None:
    failure = RunFailure(
        failure=Failure(code="machine.disk_full", message="The disk is full.", retryable=True),
        service="provisioner",
        stage="boot",
        outcome=Outcome.UNCHANGED,
    )
    failed = replace(RUN, state=RunState.FAILED, failure=failure, ended_at=NOW)

    view = shown(failed, DONE)

    assert view.failure is not None
    assert view.failure.what == "The step “Start the machine” did not work."
    assert view.failure.why == "The disk is full."
    assert view.failure.left == advice.AS_BEFORE
    assert view.failure.next == advice.AGAIN
    assert view.can_retry


@pytest.mark.parametrize(
    ("state", "kind", "can"),
    [
        (RunState.RUNNING, RunKind.DEPLOY, True),
        (RunState.QUEUED, RunKind.BACKUP, True),
        (RunState.RUNNING, RunKind.REMOVE, False),
        (RunState.CANCELLING, RunKind.DEPLOY, False),
        (RunState.SUCCEEDED, RunKind.DEPLOY, False),
    ],
)
def test_only_what_can_be_stopped_offers_it(state: RunState, kind: RunKind, *, can: bool) -> None:
    assert runs.can_cancel(replace(RUN, state=state, kind=kind)) is can


def test_silence_is_said_after_a_minute_with_what_is_normal() -> None:
    steps, usual = (DONE, GOING_ON), {("provisioner", "machine"): 130.0}
    listed = ListedRun(RUN, "garden.example", "Robin")

    soon = runs.present(listed, steps, usual, NOW, NOW - timedelta(seconds=59)).quiet
    late = runs.present(listed, steps, usual, NOW, NOW - timedelta(seconds=190)).quiet
    unknown = runs.present(listed, steps, {}, NOW, NOW - timedelta(seconds=60)).quiet

    assert soon is not None
    assert late is not None
    assert unknown is not None
    assert (soon.is_long, late.is_long, unknown.is_long) == (False, True, True)
    assert (late.minutes, unknown.minutes) == (3, 1)
    assert late.normal == "The step “Make the machine” usually takes about 2 min."
    assert unknown.normal.startswith("Some steps take several minutes")


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, state=RunState.QUEUED),
        replace(RUN, state=RunState.FAILED, ended_at=NOW),
        replace(RUN, held_by="a letter"),
    ],
)
def test_nothing_is_said_of_silence_where_nothing_is_to_be_heard(run: Run) -> None:
    listed = ListedRun(run, "garden.example", "Robin")

    assert runs.present(listed, (), {}, NOW, NOW - timedelta(hours=1)).quiet is None


@pytest.mark.parametrize("kind", list(RunKind))
def test_every_step_of_every_kind_has_a_name_for_people(kind: RunKind) -> None:
    unnamed = [it.name for it in STEPS[kind] if wording.step(kind, it.service, it.name) == it.name]

    assert not unnamed


@pytest.mark.parametrize("kind", list(RunKind))
@pytest.mark.parametrize("state", list(RunState))
def test_every_run_has_a_headline_and_a_state(kind: RunKind, state: RunState) -> None:
    run = replace(RUN, kind=kind, state=state)

    assert "garden.example" in wording.headline(run, "garden.example")
    assert states.of_run(state).word
