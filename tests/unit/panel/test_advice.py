"""Advice: it is told from all that a run has done, and fits whatever a service failed with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from services.panel.domain import advice
from services.panel.domain.advice import advise
from services.panel.domain.runs import RunFailure, RunKind, RunStep, StepStatus
from services.panel.domain.steps import STEPS, answered
from shared.contracts.failures import Failure, Outcome

ROOT: Final = Path(__file__).parents[3]
PREPARED: Final = ("VMReady", "StorageReady")
RUNNING: Final = (*PREPARED, "ConfigDeployed")
UNCHANGED, PARTIAL, BACK, STUCK = (
    Outcome.UNCHANGED,
    Outcome.PARTIAL,
    Outcome.ROLLED_BACK,
    Outcome.ROLLBACK_FAILED,
)


def a_failure(  # noqa: PLR0913 - what a story is made of
    service: str = "deployer",
    outcome: Outcome = UNCHANGED,
    *answered: str,
    code: str = "x",
    is_first: bool = False,
    retryable: bool = False,
    stage: str = "build",
) -> RunFailure:
    return RunFailure(
        failure=Failure(code=code, message="y", retryable=retryable),
        service=service,
        stage=stage,
        outcome=outcome,
        is_first=is_first,
        answered=answered,
    )


@pytest.mark.parametrize(
    ("service", "outcome", "done", "left"),
    [
        ("provisioner", UNCHANGED, (), advice.MAY_EXIST),
        ("provisioner", PARTIAL, (), advice.MAY_EXIST),
        ("storage", UNCHANGED, ("VMReady",), advice.MACHINE_EXISTS),
        ("deployer", UNCHANGED, PREPARED, advice.MACHINE_EXISTS),
        ("deployer", BACK, PREPARED, advice.MACHINE_EXISTS),
        ("deployer", PARTIAL, PREPARED, advice.SOME_RUN),
        ("deployer", STUCK, PREPARED, advice.STUCK),
        ("provisioner", PARTIAL, RUNNING, advice.NOT_LED_TO),
        ("panel", PARTIAL, (*RUNNING, "RoutePublished"), advice.NOT_SEEN),
    ],
)
def test_a_first_deployment_that_failed_names_what_exists_by_now(
    service: str, outcome: Outcome, done: tuple[str, ...], left: str
) -> None:
    found = advise(RunKind.DEPLOY, a_failure(service, outcome, *done, is_first=True))

    assert found.left == left


@pytest.mark.parametrize(
    ("service", "outcome", "done", "left"),
    [
        ("provisioner", UNCHANGED, (), advice.AS_BEFORE),
        ("provisioner", PARTIAL, ("StorageReady",), advice.MAY_DIFFER),
        ("storage", PARTIAL, ("VMReady",), advice.AS_BEFORE),
        ("deployer", UNCHANGED, PREPARED, advice.AS_BEFORE),
        ("deployer", BACK, PREPARED, advice.UNDONE),
        ("deployer", PARTIAL, PREPARED, advice.MAY_DIFFER),
        ("deployer", STUCK, PREPARED, advice.STUCK),
        ("provisioner", PARTIAL, RUNNING, advice.NOT_LED_TO),
    ],
)
def test_an_update_that_failed_says_whether_the_applications_are_as_before(
    service: str, outcome: Outcome, done: tuple[str, ...], left: str
) -> None:
    assert advise(RunKind.DEPLOY, a_failure(service, outcome, *done)).left == left


@pytest.mark.parametrize(
    ("kind", "service", "outcome", "done", "left"),
    [
        (RunKind.REMOVE, "storage", UNCHANGED, ("VMRemoved",), advice.MAY_BE_GONE),
        (RunKind.BACKUP, "storage", UNCHANGED, (), advice.NO_BACKUP),
        (RunKind.REMOVE_BACKUP, "storage", UNCHANGED, (), advice.BACKUP_AS_BEFORE),
        (RunKind.REMOVE_BACKUP, "storage", PARTIAL, (), advice.BACKUP_MAY_BE_GONE),
        (RunKind.RESTORE, "storage", UNCHANGED, (), advice.AS_BEFORE),
        (RunKind.RESTORE, "deployer", BACK, ("StateImportRequested",), advice.UNDONE),
        (RunKind.RESTORE, "deployer", PARTIAL, (), advice.MAY_STAND_STILL),
        (RunKind.RESTORE, "storage", PARTIAL, ("StateImported",), advice.HALF_RESTORED),
        (RunKind.RESTART, "deployer", UNCHANGED, (), advice.AS_BEFORE),
        (RunKind.RESTART, "deployer", PARTIAL, (), advice.MAY_STAND_STILL),
        (RunKind.PAUSE, "provisioner", PARTIAL, ("ApplicationQuiesced",), advice.NOT_SAID),
        (RunKind.RESUME, "provisioner", PARTIAL, ("ApplicationResumed",), advice.STILL_SAID),
        (RunKind.RESUME, "deployer", UNCHANGED, (), advice.AS_BEFORE),
    ],
)
def test_other_runs_that_failed_say_how_things_are(
    kind: RunKind, service: str, outcome: Outcome, done: tuple[str, ...], left: str
) -> None:
    assert advise(kind, a_failure(service, outcome, *done)).left == left


@pytest.mark.parametrize(
    ("service", "code", "next_time", "next_at_first"),
    [
        ("provisioner", "placement.too_large", advice.CONFIGURE, advice.CONFIGURE_OR_REMOVE),
        ("deployer", "machine.disk_full", advice.CONFIGURE, advice.CONFIGURE_OR_REMOVE),
        ("deployer", "deployment.not_kept", advice.SUSPECT, advice.SUSPECT),
        ("provisioner", "machine.disk_full", advice.ASK, advice.ASK_OR_REMOVE),
        ("provisioner", "record.refused", advice.ASK, advice.ASK_OR_REMOVE),
        ("storage", "store.full", advice.ASK, advice.ASK_OR_REMOVE),
        ("deployer", "command.failed", advice.ASK, advice.ASK_OR_REMOVE),
        ("storage", "bucket.withdrawn", advice.AGAIN, advice.AGAIN_OR_REMOVE),
        ("deployer", advice.CANCELLED, advice.STOPPED, advice.AGAIN_OR_REMOVE),
        ("panel", advice.NOT_BEGUN, advice.EARLIER, advice.EARLIER),
    ],
)
def test_only_what_the_configuration_can_have_caused_is_mended_there(
    service: str, code: str, next_time: str, next_at_first: str
) -> None:
    update = advise(RunKind.DEPLOY, a_failure(service, code=code))
    first = advise(RunKind.DEPLOY, a_failure(service, code=code, is_first=True))

    assert (update.next, first.next) == (next_time, next_at_first)
    assert update.is_about_configuration is ("configuration" in update.next)


@pytest.mark.parametrize(
    ("kind", "code", "following"),
    [
        (RunKind.BACKUP, "secret.missing", advice.DEPLOY_FIRST),
        (RunKind.BACKUP, "backup.not_exported", advice.AGAIN),
        (RunKind.BACKUP, "store.full", advice.ASK),
        (RunKind.RESTORE, "backup.damaged", advice.ANOTHER_BACKUP),
        (RunKind.RESTORE, "version.differs", advice.DEPLOY_FIRST),
        (RunKind.RESTORE, "machine.strange_system", advice.ASK),
        (RunKind.REMOVE_BACKUP, "backup.lent", advice.LATER),
        (RunKind.RESTART, advice.CANCELLED, advice.STOPPED),
        (RunKind.PAUSE, "application.not_quiesced", advice.ASK),
    ],
)
def test_each_kind_of_run_is_mended_in_its_own_way(
    kind: RunKind, code: str, following: str
) -> None:
    assert advise(kind, a_failure(code=code)).next == following


def test_what_nobody_could_take_back_is_for_a_person_to_look_at() -> None:
    assert advise(RunKind.DEPLOY, a_failure("deployer", STUCK)).next == advice.LOOK


def test_what_nobody_sees_from_outside_points_to_the_records() -> None:
    failure = a_failure("panel", PARTIAL, *RUNNING, stage="check", retryable=True)

    assert advise(RunKind.DEPLOY, failure).next == advice.RECORDS


@pytest.mark.parametrize("kind", RunKind)
def test_a_run_of_which_no_service_has_heard_changed_nothing(kind: RunKind) -> None:
    failure = a_failure("panel", stage="start", retryable=True)

    assert advise(kind, failure).left == advice.UNTOUCHED


@pytest.mark.parametrize("kind", RunKind)
@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("retryable", [True, False])
def test_every_failure_has_a_state_and_a_way_on(
    *, kind: RunKind, outcome: Outcome, retryable: bool
) -> None:
    found = advise(kind, a_failure("deployer", outcome, retryable=retryable))

    assert found.left.endswith(".")
    assert found.next.endswith(".")
    assert not found.is_about_configuration


def source(folder: str) -> str:
    return "".join(it.read_text() for it in sorted((ROOT / folder).rglob("*.py")))


def test_every_code_that_advice_knows_is_one_that_a_service_fails_with() -> None:
    raised = {it.name: source(f"services/{it.name}") for it in ROOT.glob("services/[!_]*")}
    common = source("shared")
    others = "".join(text for name, text in raised.items() if name != "panel")

    of_one = advice.CONFIGURED | advice.SUSPECTED
    unknown = [code for name, code in of_one if f'"{code}"' not in raised[name] + common]
    of_any = advice.TRANSIENT | advice.UNDEPLOYED | advice.UNFIT
    unknown += [code for code in of_any if f'"{code}"' not in others]

    assert not unknown


def test_a_part_of_a_run_is_done_when_all_of_its_steps_are() -> None:
    steps = [
        RunStep(position=number, service=it.service, name=it.name, status=StepStatus.SUCCEEDED)
        for number, it in enumerate(STEPS[RunKind.DEPLOY], start=1)
    ]
    half = [*steps[:-2], replace(steps[-2], status=StepStatus.FAILED), steps[-1]]

    assert answered(RunKind.DEPLOY, []) == ()
    assert answered(RunKind.DEPLOY, steps[:4]) == ("VMReady",)
    assert answered(RunKind.DEPLOY, half) == ("VMReady", "StorageReady", "ConfigDeployed")
