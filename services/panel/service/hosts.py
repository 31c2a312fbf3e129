"""Hosts: a deployment holds those that lead to it now, or may do so without being asked again.

With the host of an application goes the one of its public media, whether it has any or not: another
version of it may. So no other deployment can have that as its domain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.catalogue import is_media_label, media_host

from ..domain.sentences import N_, say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

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
        found = await self.deployments.find(tx, deployment)
        in_use = await self._in_use(tx, deployment, found.deployed_revision if found else None)
        orders = [*in_use, *(it for some in wanted for it in some)]
        hosts = {it.host: it.application for it in orders}
        media = {media_host(it.host, found.domain): it.application for it in orders if found}
        return await self.deployments.reserve_hosts(tx, deployment, {**media, **hosts})

    async def _in_use(
        self, tx: Transaction, deployment: str, runs: int | None
    ) -> Sequence[ApplicationOrder]:
        """Return the orders of what runs, of what was tried since, and of what waits for its turn.

        What was tried and failed may have been published all the same.
        """
        waiting = [it.revision for it in await self.runs.list_unfinished(tx, deployment)]
        revisions = await self.deployments.list_revisions(
            tx, deployment, since=runs or 1, also=[it for it in waiting if it is not None]
        )
        return [order for it in revisions for order in it.applications]


def objections(
    orders: Sequence[ApplicationOrder], taken: Collection[str], domain: str
) -> Mapping[int, str]:
    """Say of which orders the hosts cannot be had, and why.

    Args:
        orders: what is to be staged.
        taken: hosts that other deployments hold.
        domain: the domain of the deployment.
    """
    found: dict[int, str] = {}
    for index, it in enumerate(orders):
        media = media_host(it.host, domain)
        if it.host in taken:
            found[index] = say(_taken(it.host), host=it.host)
        elif media in taken:
            found[index] = say(
                "Public media of {host} would be at {media}, which is already in use by another "
                "deployment. Choose another host.",
                host=it.host,
                media=media,
            )
    return found


def _taken(host: str) -> str:
    if is_media_label(host.partition(".")[0]):
        return N_("{host} is already in use by another deployment or kept for its public media.")
    return N_("{host} is already in use by another deployment.")
