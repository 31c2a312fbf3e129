"""Staging: a deployment in the middle of being configured, and what of it has to stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain.deployments import Configuration, Deployment, Revision
from ..domain.sentences import say, together

if TYPE_CHECKING:
    from shared.catalogue import Application
    from shared.clock import Clock
    from shared.contracts.deployments import ApplicationOrder, Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A deployment in the middle of being configured."""

    deployment: Deployment
    staged: Configuration | None = None
    requested: Revision | None = None
    """The newest revision: what runs, or was meant to."""
    pattern: tuple[ApplicationOrder, ...] = ()
    """What stands for what is staged as long as nothing is."""

    def find_staged(self, application: str) -> ApplicationOrder | None:
        """Return how an application was ordered before, or None."""
        orders = self.staged.applications if self.staged else self.pattern
        return next((it for it in orders if it.application == application), None)

    def find_requested(self, application: str) -> ApplicationOrder | None:
        """Return how an application was ordered in the newest revision, or None."""
        orders = self.requested.applications if self.requested else ()
        return next((it for it in orders if it.application == application), None)

    def next(self, orders: tuple[ApplicationOrder, ...], by: str, clock: Clock) -> Configuration:
        """Return the configuration to stage: the staged one when nothing is different."""
        if self.staged is not None and self.staged.applications == orders:
            return self.staged
        return Configuration(
            deployment=self.deployment.id,
            version=self.staged.version + 1 if self.staged else 1,
            applications=orders,
            staged_at=clock.now(),
            staged_by=by,
        )


def with_what_stays(
    offered: Application, chosen: Options, requested: ApplicationOrder | None
) -> Options:
    """Return options with those that can never change, where they were left out."""
    before = requested.options if requested else {}
    defaults = offered.completed({})
    stays = {
        name: before[name]
        for name in offered.immutable
        if name in before and before[name] != defaults.get(name)
    }
    return stays | chosen


def immutable_violations(
    offered: Application, chosen: Options, requested: ApplicationOrder | None
) -> dict[str, str]:
    """Return which options would change that never can, and why not."""
    before = requested.options if requested else {}
    wanted = offered.completed(chosen)
    return {
        f"/{name}": say("This was set to {value} and can never change.", value=before[name])
        for name in offered.immutable
        if name in before and wanted.get(name) != before[name]
    }


def in_full(application: str, field: str, reason: str) -> str:
    """Return a reason for those who do not see which option it stands at."""
    option = field.removeprefix("options/")
    if option == field:
        return reason
    return say(
        "Option {option} of {application}: {reason}",
        option=option,
        application=application,
        reason=together([reason]),
    )
