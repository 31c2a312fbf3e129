"""What panel states: the operators' wishes, and what to do with dead letters."""

from __future__ import annotations

from typing import ClassVar

from .deployments import ApplicationOrder, Mode, Resource
from .messages import Event, RevisionEvent, RunEvent
from .state import CarriedApplication


class DeploymentRequested(RevisionEvent):
    """An operator wants this revision: the complete desired state, never a delta."""

    owner: ClassVar[str] = "panel"

    operator: str
    domain: str
    mode: Mode = Mode.ACTIVE
    applications: tuple[ApplicationOrder, ...]
    resources: tuple[Resource, ...]
    organisation: str | None = None
    """The other organisation that asked for it over the bus, if one did."""


class DeploymentRemovalRequested(RunEvent):
    """An operator wants a deployment gone."""

    owner: ClassVar[str] = "panel"

    operator: str


class BackupRequested(RevisionEvent):
    """An operator wants the state of a deployment saved, as the applications of a revision."""

    owner: ClassVar[str] = "panel"

    operator: str
    backup: str
    """Id of the backup to make."""
    applications: tuple[CarriedApplication, ...]


class RestoreRequested(RevisionEvent):
    """An operator wants the state of a backup in a deployment, in place of what is there."""

    owner: ClassVar[str] = "panel"

    operator: str
    backup: str
    source: str
    """The deployment that the backup was made of; its operator is the same."""
    applications: tuple[CarriedApplication, ...]


class BackupRemovalRequested(RunEvent):
    """An operator wants a backup gone."""

    owner: ClassVar[str] = "panel"

    operator: str
    backup: str


class RestartRequested(RunEvent):
    """An operator wants the applications of a deployment stopped and started again."""

    owner: ClassVar[str] = "panel"

    operator: str


class QuiesceRequested(RunEvent):
    """An operator wants the applications of a deployment to stand still, and a page to say so."""

    owner: ClassVar[str] = "panel"

    operator: str


class ResumeRequested(RunEvent):
    """An operator wants quiesced applications to go on."""

    owner: ClassVar[str] = "panel"

    operator: str


class CancelRequested(RunEvent):
    """A person wants a run to stop after its current step."""

    owner: ClassVar[str] = "panel"


class DeadLetterReplayRequested(Event):
    """The provider wants a message that could not be handled to be handled now."""

    owner: ClassVar[str] = "panel"

    service: str
    dead_letter: str


class DeadLetterDiscardRequested(Event):
    """The provider gives up on a message that could not be handled."""

    owner: ClassVar[str] = "panel"

    service: str
    dead_letter: str
    run: str | None = None
    """The run that could not go on without it, which is over: what was begun for it is let go."""
