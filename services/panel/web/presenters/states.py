"""States as badges: a word, a tone and a drawing for everything that stands somehow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...domain.backups import BackupState
from ...domain.deployments import DeploymentStatus
from ...domain.runs import RunState, StepStatus
from ..languages import N_
from ..languages import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class StateView:
    """How something stands, said in a word, a tone and a drawing."""

    word: str
    tone: str
    icon: str
    is_turning: bool = False


_RUNS: Final[Mapping[RunState, StateView]] = {
    RunState.QUEUED: StateView(N_("Waiting"), "neutral", "hourglass"),
    RunState.RUNNING: StateView(N_("Running"), "info", "loader-circle", is_turning=True),
    RunState.CANCELLING: StateView(N_("Stopping"), "warning", "loader-circle", is_turning=True),
    RunState.SUCCEEDED: StateView(N_("Done"), "good", "circle-check"),
    RunState.FAILED: StateView(N_("Failed"), "bad", "circle-x"),
    RunState.CANCELLED: StateView(N_("Cancelled"), "neutral", "ban"),
    RunState.SUPERSEDED: StateView(N_("Overtaken"), "neutral", "ban"),
}
_STEPS: Final[Mapping[StepStatus, StateView]] = {
    StepStatus.PENDING: StateView(N_("To do"), "neutral", "circle-dashed"),
    StepStatus.RUNNING: StateView(N_("Running"), "info", "loader-circle", is_turning=True),
    StepStatus.RETRYING: StateView(N_("Trying again"), "warning", "refresh-cw", is_turning=True),
    StepStatus.SUCCEEDED: StateView(N_("Done"), "good", "circle-check"),
    StepStatus.FAILED: StateView(N_("Failed"), "bad", "circle-x"),
    StepStatus.SKIPPED: StateView(N_("Not done"), "neutral", "minus"),
}
_DEPLOYMENTS: Final[Mapping[DeploymentStatus, StateView]] = {
    DeploymentStatus.DRAFT: StateView(N_("Draft"), "neutral", "pencil"),
    DeploymentStatus.DEPLOYING: StateView(
        N_("Deploying"), "info", "loader-circle", is_turning=True
    ),
    DeploymentStatus.LIVE: StateView(N_("Live"), "good", "circle-check"),
    DeploymentStatus.DEGRADED: StateView(N_("Not well"), "warning", "triangle-alert"),
    DeploymentStatus.PAUSED: StateView(N_("Paused"), "neutral", "circle-pause"),
    DeploymentStatus.FAILED: StateView(N_("Failed"), "bad", "circle-x"),
    DeploymentStatus.REMOVING: StateView(N_("Being removed"), "warning", "trash-2"),
    DeploymentStatus.REMOVED: StateView(N_("Removed"), "neutral", "trash-2"),
}
_BACKUPS: Final[Mapping[BackupState, StateView]] = {
    BackupState.MAKING: StateView(N_("Being made"), "info", "loader-circle", is_turning=True),
    BackupState.COMPLETE: StateView(N_("Complete"), "good", "circle-check"),
    BackupState.FAILED: StateView(N_("Not completed"), "bad", "circle-x"),
    BackupState.REMOVING: StateView(N_("Being removed"), "warning", "trash-2"),
    BackupState.REMOVED: StateView(N_("Removed"), "neutral", "trash-2"),
}


def of_run(state: RunState) -> StateView:
    """Return how a run stands."""
    return _said(_RUNS[state])


def of_step(status: StepStatus) -> StateView:
    """Return how a step stands."""
    return _said(_STEPS[status])


def of_deployment(status: DeploymentStatus) -> StateView:
    """Return how a deployment stands."""
    return _said(_DEPLOYMENTS[status])


def of_backup(state: BackupState) -> StateView:
    """Return how a backup stands."""
    return _said(_BACKUPS[state])


def _said(view: StateView) -> StateView:
    return StateView(_(view.word), view.tone, view.icon, view.is_turning)
