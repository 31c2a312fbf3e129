"""Revisions: what is staged, written down for good before it is deployed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import Mode

from ..domain.deployments import Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.clock import Clock
    from shared.contracts.deployments import Resource
    from shared.database import Transaction

    from ..domain.deployments import Deployment
    from ..ports import DeploymentRegister
    from .allowances import Allowances
    from .offer import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisions:
    """Make revisions."""

    deployments: DeploymentRegister
    offer: Offer
    allowances: Allowances
    clock: Clock

    async def of_staged(
        self, tx: Transaction, deployment: Deployment, by: str, mode: Mode = Mode.ACTIVE
    ) -> Revision:
        """Return the revision of what is staged; unchanged, it is the one there is."""
        staged = await self.deployments.find_configuration(tx, deployment.id)
        if staged is None:
            raise errors.ConflictError("deployment.not_configured", "Nothing is staged to deploy.")
        newest = await self.deployments.find_revision(tx, deployment.id)
        if newest and (newest.configuration, newest.mode) == (staged.version, mode):
            return newest
        orders = self.offer.completed(staged.applications)
        earlier = await self._asked_before(tx, deployment, newest)
        revision = Revision(
            deployment=deployment.id,
            number=newest.number + 1 if newest else 1,
            configuration=staged.version,
            applications=orders,
            resources=self.offer.resources(orders, deployment.domain, earlier),
            created_at=self.clock.now(),
            mode=mode,
        )
        before = newest.resources if newest else ()
        await self.allowances.require_storage(tx, deployment, revision.resources, before)
        await self.deployments.add_revision(tx, revision, by=by)
        return revision

    async def activated(self, tx: Transaction, prepared: Revision, by: str) -> Revision:
        """Return the revision that follows a prepared one: the same, and it runs."""
        revision = replace(prepared, number=prepared.number + 1, mode=Mode.ACTIVE)
        await self.deployments.add_revision(tx, revision, by=by)
        return revision

    async def _asked_before(
        self, tx: Transaction, deployment: Deployment, newest: Revision | None
    ) -> Sequence[Resource]:
        """Return what the revision that runs asked for, then what the newest one did."""
        number = deployment.deployed_revision
        runs = await self.deployments.find_revision(tx, deployment.id, number) if number else None
        return [resource for it in (runs, newest) if it for resource in it.resources]
