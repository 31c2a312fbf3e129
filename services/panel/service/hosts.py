"""Hosts: a deployment holds those that lead to it now, or may do so without being asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import ApplicationOrder
    from shared.database import Transaction

    from ..ports import DeploymentRegister, RunRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Decide which hosts a deployment holds."""

    deployments: DeploymentRegister
    runs: RunRegister

    async def hold(
        self, tx: Transaction, deployment: str, *wanted: Sequence[ApplicationOrder]
    ) -> Sequence[str]:
        """Hold what is wanted and what is in use, nothing else; return those that others hold."""
        orders = [*await self._in_use(tx, deployment), *(it for some in wanted for it in some)]
        hosts = {it.host: it.application for it in orders}
        return await self.deployments.reserve_hosts(tx, deployment, hosts)

    async def _in_use(self, tx: Transaction, deployment: str) -> Sequence[ApplicationOrder]:
        """Return the orders of what runs, of what was tried since, and of what waits for its turn.

        What was tried and failed may have been published all the same.
        """
        found = await self.deployments.find(tx, deployment)
        since = found.deployed_revision if found else None
        waiting = [it.revision for it in await self.runs.list_unfinished(tx, deployment)]
        revisions = await self.deployments.list_revisions(
            tx, deployment, since=since or 1, also=[it for it in waiting if it is not None]
        )
        return [order for it in revisions for order in it.applications]
