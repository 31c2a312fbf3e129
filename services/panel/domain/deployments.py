"""Deployments: an operator's applications on one domain, staged and deployed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import Mode

from .runs import RunKind, RunState, Standing
from .sentences import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.deployer import Ailment
    from shared.contracts.deployments import ApplicationOrder, PublishedRoute, Resource

    from .runs import Run


class DeploymentStatus(StrEnum):
    """How a deployment stands; derived from its runs, never stored."""

    DRAFT = "draft"
    """Configured, and never deployed."""
    DEPLOYING = "deploying"
    """A run brings a revision to it, or the state of a backup."""
    LIVE = "live"
    """A revision runs and answered from outside."""
    DEGRADED = "degraded"
    """A revision runs, and something about it is not well."""
    PAUSED = "paused"
    """A person let its applications stand still; a page says so."""
    FAILED = "failed"
    """A run ended half-way, and what runs is not known to be whole."""
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
    """What answered from outside last."""
    running_revision: int | None = None
    """What runs and holds data, whether or not anything leads to it."""
    removal_requested_at: datetime | None = None
    removed_at: datetime | None = None
    routes: tuple[PublishedRoute, ...] = ()
    paused_at: datetime | None = None
    ailments: tuple[Ailment, ...] = ()
    """What deployer found to be wrong last."""
    ailing_at: datetime | None = None
    """When deployer found that, or that nothing is wrong."""

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

    def require_deployed(self) -> int:
        """Return the revision that answered from outside last.

        Raises:
            ConflictError: none ever did.
        """
        return self._required(self.deployed_revision)

    def require_running(self) -> int:
        """Return the revision that runs.

        Raises:
            ConflictError: none was ever brought to run.
        """
        return self._required(self.running_revision)

    @staticmethod
    def _required(revision: int | None) -> int:
        if revision is None:
            raise errors.ConflictError(
                "deployment.not_deployed", "Nothing of this deployment runs yet. Deploy it first."
            )
        return revision

    def require_ready_for(self, kind: RunKind, standing: Standing) -> None:
        """Raise ConflictError unless the deployment is in a state in which such a run has a use."""
        match kind:
            case RunKind.BACKUP:
                self.require_running()
            case RunKind.RESTORE:
                self.require_running()
                self._require_awake()
            case RunKind.RESTART | RunKind.PAUSE:
                self.require_running()
                # Half of a restore would be started, and written to.
                _require_whole(standing)
                self._require_awake()
            case RunKind.RESUME:
                _require_whole(standing)
                self._require_paused()
            case _:
                pass

    def _require_awake(self) -> None:
        if self.paused_at is not None:
            raise errors.ConflictError(
                "deployment.paused", "This deployment is paused. Resume it first."
            )

    def _require_paused(self) -> None:
        if self.paused_at is None:
            raise errors.ConflictError("deployment.not_paused", "This deployment is not paused.")

    def foreseen(self, waiting: Sequence[Run], now: datetime) -> Deployment:
        """Return the deployment as it will be when these runs have succeeded, in this order."""
        found = self
        for it in waiting:
            if it.state is RunState.CANCELLING:
                continue
            if it.kind is RunKind.PAUSE:
                found = replace(found, paused_at=found.paused_at or now)
            elif it.kind in {RunKind.RESUME, RunKind.DEPLOY}:
                found = replace(found, paused_at=None)
        return found

    def gone(self, at: datetime) -> Deployment:
        """Return the deployment as its removal leaves it."""
        return replace(
            self,
            removed_at=at,
            routes=(),
            deployed_revision=None,
            running_revision=None,
            paused_at=None,
            ailments=(),
        )

    def status(self, standing: Standing) -> DeploymentStatus:
        """Derive how the deployment stands from its runs and its health."""
        if self.removed_at is not None:
            return DeploymentStatus.REMOVED
        if self.removal_requested_at is not None:
            return DeploymentStatus.REMOVING
        if standing.active is not None and standing.active.kind.changes_state:
            return DeploymentStatus.DEPLOYING
        if self._is_broken(standing):
            return DeploymentStatus.FAILED
        return self._condition()

    def _condition(self) -> DeploymentStatus:
        if self.deployed_revision is None:
            return DeploymentStatus.DRAFT
        if self.paused_at is not None:
            return DeploymentStatus.PAUSED
        return DeploymentStatus.DEGRADED if self.ailments else DeploymentStatus.LIVE

    def _is_broken(self, standing: Standing) -> bool:
        """Say whether a run left things half done, or a backup did not come into a new one."""
        if standing.change is not None and standing.change.left_it_broken:
            return True
        newest = standing.newest
        if self.deployed_revision is not None or newest is None:
            return False
        return newest.kind is RunKind.RESTORE and newest.state is RunState.FAILED


def _require_whole(standing: Standing) -> None:
    if standing.change is not None and standing.change.left_it_broken:
        raise errors.ConflictError(
            "deployment.broken",
            say(
                "Run {number} ended half-way, and what runs is not known to be whole. Deploy "
                "again first.",
                number=standing.change.number,
            ),
        )


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
    mode: Mode = Mode.ACTIVE
    """What it is meant to reach: a prepared one waits for the state of a backup."""

    def find(self, application: str) -> ApplicationOrder | None:
        """Return how an application is ordered, or None."""
        return next((it for it in self.applications if it.application == application), None)

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
                what = say("its host") if order.host != other.host else changed[0]
                raise errors.ConflictError(
                    "revision.outdated",
                    say(
                        "{application} was deployed anew after revision {number}, with other "
                        "values of what can never change ({what}). Deploy what is staged.",
                        application=order.application,
                        number=self.number,
                        what=what,
                    ),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRevision:
    """A revision and who made it."""

    revision: Revision
    by: str
    """Name of the person."""
    is_on_its_way: bool = False
    """Whether a deploy of it waits or goes on."""


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
            problems[f"{pointer}/application"] = say(
                "{application} is listed twice.", application=it.application
            )
        elif it.host in seen:
            problems[f"{pointer}/host"] = say(
                "{host} is already used by {application}.",
                host=it.host,
                application=seen[it.host],
            )
        elif hosts.get(it.application, it.host) != it.host:
            problems[f"{pointer}/host"] = say(
                "{application} was deployed at {host}. Its host is part of its identity and "
                "cannot change.",
                application=it.application,
                host=hosts[it.application],
            )
        names.add(it.application)
        seen[it.host] = it.application
    if problems:
        raise errors.InvalidError(
            "configuration.invalid", "The configuration has errors.", details=problems
        )
