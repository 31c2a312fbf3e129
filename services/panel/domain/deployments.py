"""Deployments: an operator's applications on one domain, staged and deployed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.failures import Outcome

from .runs import Run, RunKind, RunState, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.deployments import ApplicationOrder, PublishedRoute, Resource


class DeploymentStatus(StrEnum):
    """How a deployment stands; derived from its runs, never stored."""

    DRAFT = "draft"
    """Configured, and never deployed."""
    DEPLOYING = "deploying"
    """A run brings a revision to it."""
    LIVE = "live"
    """A revision runs and answered from outside."""
    FAILED = "failed"
    """The last run failed and no revision is known to run."""
    REMOVING = "removing"
    """It is being taken away, or the last attempt at that failed."""
    REMOVED = "removed"
    """It is gone; the receipt remains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One operator's applications on one domain."""

    id: str
    operator: str
    domain: str
    created_at: datetime
    version: int = 1
    """Rises with every change that a person makes."""
    deployed_revision: int | None = None
    removal_requested_at: datetime | None = None
    removed_at: datetime | None = None
    routes: tuple[PublishedRoute, ...] = ()

    def url_of(self, application: str) -> str | None:
        """Return where an application is reached, or None while it is not published."""
        return next((it.url for it in self.routes if it.application == application), None)

    def require_changeable(self) -> None:
        """Raise ConflictError when the deployment is on its way out."""
        if self.removed_at is not None:
            raise errors.ConflictError("deployment.removed", "This deployment was removed.")
        if self.removal_requested_at is not None:
            raise errors.ConflictError(
                "deployment.removing", "This deployment is being removed and cannot be changed."
            )

    def status(self, standing: Standing) -> DeploymentStatus:
        """Derive how the deployment stands from its runs."""
        if self.removed_at is not None:
            return DeploymentStatus.REMOVED
        if self.removal_requested_at is not None:
            return DeploymentStatus.REMOVING
        if standing.active is not None:
            return DeploymentStatus.DEPLOYING
        if standing.newest is not None and _left_it_broken(standing.newest):
            return DeploymentStatus.FAILED
        return DeploymentStatus.DRAFT if self.deployed_revision is None else DeploymentStatus.LIVE


def _left_it_broken(run: Run) -> bool:
    if run.state is not RunState.FAILED or run.kind is not RunKind.DEPLOY or run.failure is None:
        return False
    return run.failure.outcome in {Outcome.PARTIAL, Outcome.ROLLBACK_FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What an operator staged: it becomes a revision when it is deployed."""

    deployment: str
    version: int
    applications: tuple[ApplicationOrder, ...]
    staged_at: datetime
    staged_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A configuration that was or will be deployed; it never changes."""

    deployment: str
    number: int
    configuration: int
    """Version of the staged configuration it was made of."""
    applications: tuple[ApplicationOrder, ...]
    resources: tuple[Resource, ...]
    created_at: datetime
    deployed_at: datetime | None = None

    def require_repeatable(self, newest: Revision, immutable: Mapping[str, Sequence[str]]) -> None:
        """Raise ConflictError when applications have become others since than they are here.

        Args:
            newest: the newest revision of the deployment.
            immutable: the options of each application that can never change.
        """
        since = {it.application: it for it in newest.applications}
        for order in self.applications:
            other = since.get(order.application, order)
            changed = [
                name
                for name in immutable.get(order.application, ())
                if order.options.get(name) != other.options.get(name)
            ]
            if order.host != other.host or changed:
                what = "its host" if order.host != other.host else changed[0]
                raise errors.ConflictError(
                    "revision.outdated",
                    f"{order.application} was deployed anew after revision {self.number}, with "
                    f"other values of what can never change ({what}). Deploy what is staged.",
                )


def check_hosts(applications: Sequence[ApplicationOrder], deployed: Revision | None) -> None:
    """Check that hosts are used once each and stay what they were when first deployed.

    Raises:
        InvalidError: two applications share a host or a name, or a deployed host would change.
    """
    problems: dict[str, str] = {}
    hosts = {it.application: it.host for it in deployed.applications} if deployed else {}
    seen: dict[str, str] = {}
    names: set[str] = set()
    for index, it in enumerate(applications):
        pointer = f"/applications/{index}"
        if it.application in names:
            problems[f"{pointer}/application"] = f"{it.application} is listed twice."
        elif it.host in seen:
            problems[f"{pointer}/host"] = f"{it.host} is already used by {seen[it.host]}."
        elif hosts.get(it.application, it.host) != it.host:
            problems[f"{pointer}/host"] = (
                f"{it.application} was deployed at {hosts[it.application]}. "
                "Its host is part of its identity and cannot change."
            )
        names.add(it.application)
        seen[it.host] = it.application
    if problems:
        raise errors.InvalidError(
            "configuration.invalid", "The configuration has errors.", details=problems
        )
