"""What panel states: the operators' wishes, and what to do with dead letters."""

from __future__ import annotations

from typing import ClassVar

from .deployments import ApplicationOrder, Mode, Resource
from .messages import Event, RevisionEvent, RunEvent


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
