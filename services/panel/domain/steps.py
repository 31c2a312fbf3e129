"""Steps: what each kind of run takes, and the events that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.contracts.deployments import Mode

from .runs import RunKind, StepStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .runs import RunStep


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
    RunKind.BACKUP: (
        *_steps("storage", "StateExportRequested", "bucket", "key"),
        *_steps("deployer", "StateExported", "export"),
        *_steps("storage", "BackupCompleted", "verify", "objects", "index"),
    ),
    RunKind.RESTORE: (
        *_steps("storage", "StateImportRequested", "key", "objects"),
        *_steps("deployer", "StateImported", "verify", "stop", "import", "start", "health"),
        *_steps("storage", "RestoreCompleted", "prune", "revoke"),
    ),
    RunKind.REMOVE_BACKUP: _steps("storage", "BackupRemoved", "bucket"),
    RunKind.RESTART: _steps("deployer", "ApplicationResumed", "stop", "start", "health"),
    RunKind.PAUSE: (
        *_steps("deployer", "ApplicationQuiesced", "quiesce", "stop"),
        *_steps("provisioner", "MaintenanceChanged", "maintenance"),
    ),
    RunKind.RESUME: (
        *_steps("deployer", "ApplicationResumed", "start", "health"),
        *_steps("provisioner", "MaintenanceChanged", "maintenance"),
    ),
}
"""The steps of each kind of run, in the order in which people see them."""

_SEEN_FROM_OUTSIDE: Final = frozenset({"RoutePublished", ""})
"""What is answered by these is for applications that run: nothing leads to a prepared one."""


def plan(kind: RunKind, mode: Mode = Mode.ACTIVE) -> tuple[PlannedStep, ...]:
    """Return the steps of a run; `mode` is that of the revision that it brings."""
    if mode is Mode.ACTIVE:
        return STEPS[kind]
    return tuple(it for it in STEPS[kind] if it.answered_by not in _SEEN_FROM_OUTSIDE)


def answered(kind: RunKind, steps: Sequence[RunStep]) -> tuple[str, ...]:
    """Return the events whose part of a run is done, in the order of its steps."""
    done = {(it.service, it.name) for it in steps if it.status is StepStatus.SUCCEEDED}
    parts: dict[str, bool] = {}
    for it in STEPS[kind]:
        parts[it.answered_by] = parts.get(it.answered_by, True) and (it.service, it.name) in done
    return tuple(event for event, is_done in parts.items() if event and is_done)
