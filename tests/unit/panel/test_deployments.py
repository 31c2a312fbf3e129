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
from services.panel.domain.runs import Run, RunFailure, RunState, Standing
from shared import errors
from shared.contracts.deployments import ApplicationOrder
from shared.contracts.failures import Failure, Outcome
from tests.support.runs import RUNNING

AT = datetime(2026, 11, 21, tzinfo=UTC)
DRAFT = Deployment(id="d", operator="o", domain="garden.localhost", created_at=AT)
LIVE = replace(DRAFT, deployed_revision=1)


def failed(outcome: Outcome) -> Run:
    failure = RunFailure(
        failure=Failure(code="x", message="y", retryable=False),
        service="deployer",
        stage="health",
        outcome=outcome,
    )
    return replace(RUNNING, state=RunState.FAILED, failure=failure, ended_at=AT)


@pytest.mark.parametrize(
    ("deployment", "standing", "status"),
    [
        (DRAFT, Standing(), DeploymentStatus.DRAFT),
        (DRAFT, Standing(active=RUNNING), DeploymentStatus.DEPLOYING),
        (DRAFT, Standing(newest=failed(Outcome.UNCHANGED)), DeploymentStatus.DRAFT),
        (DRAFT, Standing(newest=failed(Outcome.PARTIAL)), DeploymentStatus.FAILED),
        (LIVE, Standing(), DeploymentStatus.LIVE),
        (LIVE, Standing(newest=failed(Outcome.ROLLED_BACK)), DeploymentStatus.LIVE),
        (LIVE, Standing(newest=failed(Outcome.UNCHANGED)), DeploymentStatus.LIVE),
        (LIVE, Standing(newest=failed(Outcome.PARTIAL)), DeploymentStatus.FAILED),
        (LIVE, Standing(newest=failed(Outcome.ROLLBACK_FAILED)), DeploymentStatus.FAILED),
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
