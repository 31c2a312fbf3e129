"""Deployments as pages show them: how they stand, where they are, and what they need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ...domain.deployments import DeploymentStatus
from ...domain.failures import AILMENTS
from ...domain.runs import RunKind, RunState
from ..languages import gettext as _
from ..languages import spoken
from . import states, wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployer import Ailment

    from ...domain.runs import Receipt, Run
    from ...service.offer import Offer
    from ...service.runs import Overview
    from .states import StateView

_URGENT: Final = frozenset({DeploymentStatus.FAILED, DeploymentStatus.DEGRADED})
_LEAVING: Final = frozenset({DeploymentStatus.REMOVING, DeploymentStatus.REMOVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationView:
    """One application of a deployment."""

    name: str
    title: str
    host: str
    url: str | None
    version: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AilmentView:
    """Something that is not well."""

    application: str
    what: str
    why: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveView:
    """The run that goes on, or waits."""

    id: str
    headline: str
    state: StateView


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentView:
    """One deployment."""

    id: str
    domain: str
    state: StateView
    created_at: datetime
    applications: Sequence[ApplicationView]
    ailments: Sequence[AilmentView]
    active: ActiveView | None
    failed: ActiveView | None
    """The run that ended last, if it failed."""
    paused_at: datetime | None
    needs_attention: bool
    is_draft: bool
    is_live: bool
    """Whether something of it runs, and may be asked to restart, pause or be backed up."""
    needs_deploy: bool
    """Whether a deploy ended half-way, so that what is staged is to be deployed, changed or not."""
    is_leaving: bool
    is_removed: bool
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeptView:
    """Something that a removal left in place."""

    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """What a removal took away, and what it left in place."""

    machines: str
    kept: Sequence[KeptView]


def present(found: Overview, offer: Offer) -> DeploymentView:
    """Return a deployment as pages show it."""
    deployment, standing = found.deployment, found.standing
    status = deployment.status(standing)
    is_live = deployment.deployed_revision is not None and status not in _LEAVING
    newest, change = standing.newest, standing.change
    failed = newest if newest and newest.state is RunState.FAILED else None
    is_held = standing.active is not None and standing.active.held_by is not None
    return DeploymentView(
        id=deployment.id,
        domain=deployment.domain,
        state=states.of_deployment(status),
        created_at=deployment.created_at,
        applications=_applications(found, offer),
        ailments=[_ailment(it, offer) for it in deployment.ailments],
        active=_run(standing.active, deployment.domain),
        failed=_run(failed, deployment.domain),
        paused_at=deployment.paused_at,
        needs_attention=status in _URGENT
        or is_held
        or (failed is not None and standing.active is None and not deployment.removed_at),
        is_draft=status is DeploymentStatus.DRAFT,
        is_live=is_live,
        needs_deploy=is_live
        and status is DeploymentStatus.FAILED
        and change is not None
        and change.kind is RunKind.DEPLOY,
        is_leaving=status in _LEAVING,
        is_removed=deployment.removed_at is not None,
        removed_at=deployment.removed_at,
    )


def by_urgency(found: Sequence[DeploymentView]) -> list[DeploymentView]:
    """Return deployments with those that need somebody first, otherwise as they were."""
    return sorted(found, key=lambda it: not it.needs_attention)


def receipt(found: Receipt) -> ReceiptView:
    """Return what a removal took away, and what it left in place until when."""
    kept = [KeptView(it.bucket, datetime.fromisoformat(it.until)) for it in found.buckets_kept]
    return ReceiptView(", ".join(found.machines), kept)


def _applications(found: Overview, offer: Offer) -> list[ApplicationView]:
    orders = found.configuration.applications if found.configuration else ()
    shown = []
    for order in orders:
        package = offer.find(order.application)
        shown.append(
            ApplicationView(
                name=order.application,
                title=package.title if package else order.application,
                host=order.host,
                url=found.deployment.url_of(order.application),
                version=order.version,
                purpose=package.description_in(spoken().language) if package else "",
            )
        )
    return shown


def _ailment(ailment: Ailment, offer: Offer) -> AilmentView:
    package = offer.find(ailment.application)
    known = AILMENTS.get(ailment.kind)
    return AilmentView(
        application=package.title if package else ailment.application,
        what=_(known) if known else _("Something is not well"),
        why=ailment.message,
        since=datetime.fromisoformat(ailment.since),
    )


def _run(run: Run | None, domain: str) -> ActiveView | None:
    if run is None:
        return None
    headline = wording.headline(run, domain)
    return ActiveView(id=run.id, headline=headline, state=states.of_run(run.state))
