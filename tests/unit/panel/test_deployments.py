"""How a deployment stands follows from its runs, and its hosts stay what they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.panel.domain.deployments import (
    Deployment,
    DeploymentStatus,
    Revision,
    check_hosts,
)
from services.panel.domain.runs import Run, RunFailure, RunKind, RunState, Standing
from shared import errors
from shared.contracts.deployer import Ailment
from shared.contracts.deployments import ApplicationOrder
from shared.contracts.failures import Failure, Outcome
from tests.support.runs import RUNNING

AT = datetime(2026, 11, 21, tzinfo=UTC)
DRAFT = Deployment(id="d", operator="o", domain="garden.localhost", created_at=AT)
LIVE = replace(DRAFT, deployed_revision=1, running_revision=1)
UNREACHED = replace(DRAFT, running_revision=1)
PAUSED = replace(LIVE, paused_at=AT)
AILMENT = Ailment(
    application="hello", kind="http", message="no answer", since="2026-11-21T00:00:00Z"
)
SICK = replace(LIVE, ailments=(AILMENT,))


def failed(outcome: Outcome, kind: RunKind = RunKind.DEPLOY) -> Run:
    failure = RunFailure(
        failure=Failure(code="x", message="y", retryable=False),
        service="deployer",
        stage="health",
        outcome=outcome,
    )
    return replace(RUNNING, kind=kind, state=RunState.FAILED, failure=failure, ended_at=AT)


def a_run(kind: RunKind) -> Run:
    return replace(RUNNING, kind=kind)


@pytest.mark.parametrize(
    ("deployment", "standing", "status"),
    [
        (DRAFT, Standing(), DeploymentStatus.DRAFT),
        (DRAFT, Standing(active=RUNNING), DeploymentStatus.DEPLOYING),
        (DRAFT, Standing(newest=failed(Outcome.UNCHANGED)), DeploymentStatus.DRAFT),
        (DRAFT, Standing(change=failed(Outcome.PARTIAL)), DeploymentStatus.FAILED),
        (
            DRAFT,
            Standing(newest=failed(Outcome.UNCHANGED, RunKind.RESTORE)),
            DeploymentStatus.FAILED,
        ),
        (LIVE, Standing(), DeploymentStatus.LIVE),
        (LIVE, Standing(newest=failed(Outcome.ROLLED_BACK)), DeploymentStatus.LIVE),
        (LIVE, Standing(newest=failed(Outcome.UNCHANGED)), DeploymentStatus.LIVE),
        (LIVE, Standing(change=failed(Outcome.PARTIAL)), DeploymentStatus.FAILED),
        (LIVE, Standing(change=failed(Outcome.ROLLBACK_FAILED)), DeploymentStatus.FAILED),
        (
            LIVE,
            Standing(newest=failed(Outcome.UNCHANGED, RunKind.RESTORE)),
            DeploymentStatus.LIVE,
        ),
        (LIVE, Standing(active=a_run(RunKind.BACKUP)), DeploymentStatus.LIVE),
        (LIVE, Standing(active=a_run(RunKind.RESTORE)), DeploymentStatus.DEPLOYING),
        (SICK, Standing(), DeploymentStatus.DEGRADED),
        (SICK, Standing(active=RUNNING), DeploymentStatus.DEPLOYING),
        (replace(SICK, paused_at=AT), Standing(), DeploymentStatus.PAUSED),
        (replace(SICK, deployed_revision=None), Standing(), DeploymentStatus.DRAFT),
        (LIVE, Standing(active=RUNNING), DeploymentStatus.DEPLOYING),
        (replace(LIVE, removal_requested_at=AT), Standing(), DeploymentStatus.REMOVING),
        (replace(LIVE, removed_at=AT), Standing(), DeploymentStatus.REMOVED),
    ],
)
def test_the_status_tells_the_truth(
    deployment: Deployment, standing: Standing, status: DeploymentStatus
) -> None:
    assert deployment.status(standing) is status


@pytest.mark.parametrize(
    "going", [replace(LIVE, removal_requested_at=AT), replace(LIVE, removed_at=AT)]
)
def test_what_is_going_cannot_be_changed(going: Deployment) -> None:
    LIVE.require_changeable()
    with pytest.raises(errors.ConflictError):
        going.require_changeable()


@pytest.mark.parametrize(
    ("deployment", "kind", "code"),
    [
        (LIVE, RunKind.BACKUP, None),
        (PAUSED, RunKind.BACKUP, None),
        (DRAFT, RunKind.BACKUP, "deployment.not_deployed"),
        (UNREACHED, RunKind.BACKUP, None),
        (LIVE, RunKind.RESTORE, None),
        (PAUSED, RunKind.RESTORE, "deployment.paused"),
        (DRAFT, RunKind.RESTART, "deployment.not_deployed"),
        (PAUSED, RunKind.RESTART, "deployment.paused"),
        (LIVE, RunKind.PAUSE, None),
        (SICK, RunKind.PAUSE, None),
        (PAUSED, RunKind.PAUSE, "deployment.paused"),
        (DRAFT, RunKind.PAUSE, "deployment.not_deployed"),
        (PAUSED, RunKind.RESUME, None),
        (LIVE, RunKind.RESUME, "deployment.not_paused"),
        (DRAFT, RunKind.DEPLOY, None),
        (PAUSED, RunKind.DEPLOY, None),
    ],
)
def test_a_run_has_a_use_in_some_states_only(
    deployment: Deployment, kind: RunKind, code: str | None
) -> None:
    assert refusal(deployment, kind, Standing()) == code


@pytest.mark.parametrize("kind", [RunKind.DEPLOY, RunKind.RESTORE])
@pytest.mark.parametrize("outcome", [Outcome.PARTIAL, Outcome.ROLLBACK_FAILED])
def test_what_is_broken_can_be_restored_and_neither_be_started_nor_paused(
    kind: RunKind, outcome: Outcome
) -> None:
    broken = Standing(change=failed(outcome, kind))

    for deployment in (LIVE, PAUSED):
        for verb in (RunKind.PAUSE, RunKind.RESTART, RunKind.RESUME):
            assert refusal(deployment, verb, broken) == "deployment.broken"
        assert refusal(deployment, RunKind.DEPLOY, broken) is None
    assert refusal(LIVE, RunKind.RESTORE, broken) is None


@pytest.mark.parametrize(
    ("deployment", "waiting", "is_paused"),
    [
        (LIVE, [RunKind.PAUSE], True),
        (LIVE, [RunKind.PAUSE, RunKind.BACKUP], True),
        (PAUSED, [RunKind.RESUME], False),
        (PAUSED, [RunKind.DEPLOY], False),
        (LIVE, [RunKind.PAUSE, RunKind.RESUME], False),
        (PAUSED, [], True),
    ],
)
def test_what_waits_tells_whether_a_deployment_will_be_paused(
    *, deployment: Deployment, waiting: list[RunKind], is_paused: bool
) -> None:
    foreseen = deployment.foreseen([a_run(it) for it in waiting], AT)

    assert (foreseen.paused_at is not None) is is_paused


def refusal(deployment: Deployment, kind: RunKind, standing: Standing) -> str | None:
    try:
        deployment.require_ready_for(kind, standing)
    except errors.ConflictError as error:
        return error.code
    return None


def order(application: str, host: str) -> ApplicationOrder:
    return ApplicationOrder(application=application, version="1", host=host)


def revision(*orders: ApplicationOrder) -> Revision:
    return Revision(
        deployment="d",
        number=1,
        configuration=1,
        applications=orders,
        resources=(),
        created_at=AT,
    )


def test_hosts_and_applications_are_used_once() -> None:
    with pytest.raises(errors.InvalidError) as refused:
        check_hosts([order("a", "x.y"), order("a", "z.y"), order("b", "x.y")], None)

    assert set(refused.value.details) == {"/applications/1/application", "/applications/2/host"}


def test_a_host_that_was_deployed_never_changes() -> None:
    before = revision(order("a", "x.y"), order("gone", "g.y"))

    check_hosts([order("a", "x.y"), order("new", "n.y")], before)
    with pytest.raises(errors.InvalidError, match="errors") as refused:
        check_hosts([order("a", "other.y")], before)

    assert "x.y" in refused.value.details["/applications/0/host"]


@pytest.mark.parametrize(
    ("earlier", "what"),
    [
        (revision(order("a", "x.y").model_copy(update={"options": {"name": "old"}})), "name"),
        (revision(order("a", "before.y")), "its host"),
    ],
)
def test_a_revision_whose_application_has_become_another_cannot_be_tried_again(
    earlier: Revision, what: str
) -> None:
    with pytest.raises(errors.ConflictError, match=rf"\({what}\). Deploy what is staged"):
        earlier.require_repeatable(revision(order("a", "x.y")), {"a": ("name",)})


def test_a_revision_can_be_tried_again_while_its_applications_are_what_they_were() -> None:
    earlier = revision(order("a", "x.y"), order("gone", "g.y"))

    earlier.require_repeatable(revision(order("a", "x.y"), order("b", "b.y")), {"a": ("name",)})
