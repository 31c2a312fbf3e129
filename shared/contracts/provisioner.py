"""What provisioner states: machines, routes, and their end."""

from __future__ import annotations

from typing import ClassVar

from .deployments import GrantedMachine, PublishedRoute
from .failures import Failure, Outcome
from .messages import RevisionEvent, RunEvent


class VMReady(RevisionEvent):
    """Every machine of the revision runs and answers SSH."""

    owner: ClassVar[str] = "provisioner"

    machines: tuple[GrantedMachine, ...]


class RoutePublished(RevisionEvent):
    """Record and route of every application of the revision are in place."""

    owner: ClassVar[str] = "provisioner"

    routes: tuple[PublishedRoute, ...]


class MaintenanceChanged(RunEvent):
    """The edge shows a maintenance page for these hosts, or hands their requests on again."""

    owner: ClassVar[str] = "provisioner"

    hosts: tuple[str, ...]
    on: bool


class VMRemoved(RunEvent):
    """Routes, records, machines and addresses of the deployment are gone."""

    owner: ClassVar[str] = "provisioner"

    machines: tuple[str, ...]


class ProvisioningFailed(RunEvent):
    """Provisioner could not do its part of a run."""

    owner: ClassVar[str] = "provisioner"

    revision: int | None = None
    failure: Failure
    stage: str
    outcome: Outcome
