"""The way to a deployment from outside: records to the edge, routes to machines and media."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, telemetry
from shared.contracts.deployments import PublishedRoute

from ..domain import Inside, Media
from .values import Announced, Maintained, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from shared import jobs
    from shared.database import Database, Transaction

    from ..domain import Address, ApplicationHost, Route
    from ..ports import Edge, MachineRepository, PublicationRepository, Zones

PAUSE_SECONDS: Final = 1.0
RECORDS_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Sees to it that the right hosts lead to the right machines and media, and stay so."""

    database: Database
    repository: PublicationRepository
    machines: MachineRepository
    zones: Zones
    edge: Edge
    address: Address
    """Where the edge is, for records to point to."""
    panel: Route
    """The panel is reached through the edge like everything else, before everything else."""
    url: Callable[[str], str]

    async def hosts(self, job: jobs.Job) -> Sequence[ApplicationHost]:
        """Return the hosts of the job's revision that are to be reached from outside.

        Raises:
            InvalidError: media were announced under a host that the revision did not ask for.
        """
        announced = _announced(job)
        async with self.database.transaction() as tx:
            found = await self.repository.hosts(tx, job.deployment, job.revision)
        if unknown := announced.keys() - {it.host for it in found if it.is_media}:
            raise errors.InvalidError(
                "route.media_unknown",
                f"revision {job.revision} did not ask for media under "
                f"{', '.join(sorted(unknown))}; deploy it again",
            )
        return [it for it in found if it.is_routed and (not it.is_media or it.host in announced)]

    async def record(self, job: jobs.Job) -> None:
        """Let the names of the revision lead to the edge."""
        hosts = [it.host for it in await self.hosts(job)]
        async with self.database.transaction() as tx:
            for host in hosts:
                await self.repository.claim_record(tx, job.deployment, host)
        for host in hosts:
            await self.zones.of(host).publish(host, self.address)

    async def route(self, job: jobs.Job) -> Published:
        """Route the revision's hosts, and no other host of the deployment."""
        hosts = await self.hosts(job)
        applications = [it for it in hosts if not it.is_media]
        announced = _announced(job)
        media = {it: announced[it.host] for it in hosts if it.is_media}
        async with self.database.transaction() as tx:
            machines = await self._machines_of(tx, job.deployment, applications)
            await self.repository.put_routes(tx, job.deployment, {**machines, **media})
        await self.apply()
        await self.withdraw_records(job.deployment, keep={it.host for it in hosts})
        return Published(
            routes=tuple(
                PublishedRoute(application=it.application, host=it.host, url=self.url(it.host))
                for it in applications
            )
        )

    async def maintain(self, job: jobs.Job) -> None:
        """Let the edge speak for applications that stand still, or hand requests on again."""
        wanted = job.asked(Maintained)
        async with self.database.transaction() as tx:
            await self.repository.maintain(tx, job.deployment, wanted.hosts, on=wanted.on)
        await self.apply()

    async def withdraw_routes(self, job: jobs.Job) -> None:
        """Route no host of a deployment any more."""
        async with self.database.transaction() as tx:
            await self.repository.put_routes(tx, job.deployment, {})
        await self.apply()

    async def withdraw_records(self, deployment: str, keep: AbstractSet[str] = frozenset()) -> None:
        """Let the names of a deployment lead nowhere, except for some."""
        async with self.database.transaction() as tx:
            hosts = await self.repository.hold_records(tx, deployment)
            gone = [it for it in hosts if it not in keep]
            # Still inside: nobody may put one back that nobody will know of any more.
            for host in gone:
                await self.zones.of(host).withdraw(host)
            await self.repository.drop_records(tx, gone)

    async def apply(self) -> None:
        """Let the edge route exactly what is meant to be routed."""
        async with self.database.transaction() as tx:
            routes = await self.repository.list_routes(tx)
            # Still inside: nobody may write an older list after this one.
            await self.edge.route([self.panel, *routes])

    async def keep(self) -> None:
        """Put routes and records back that edge and zones have lost, until cancelled."""
        trouble = ""
        while True:
            now = await self._restored()
            if now and now != trouble:
                telemetry.log.warning("publication_not_restored", reason=now)
            trouble = now
            await asyncio.sleep(PAUSE_SECONDS)

    async def _restored(self) -> str:
        """Restore once; say what stood in the way."""
        found = await asyncio.gather(self.apply(), self._restore_records(), return_exceptions=True)
        for it in found:
            if it is not None and not isinstance(it, errors.HostingError):
                raise it
        return "; ".join(str(it) for it in found if it is not None)

    async def _restore_records(self) -> None:
        async with self.database.transaction() as tx:
            hosts = await self.repository.next_records(tx, RECORDS_AT_ONCE)
        for host in self._panel_hosts():
            await self._restore_record(host)
        for host in hosts:
            async with self.database.transaction() as tx:
                if await self.repository.hold_record(tx, host):
                    await self._restore_record(host)

    async def _restore_record(self, host: str) -> None:
        zone = self.zones.of(host)
        if await zone.find(host) != self.address:
            await zone.publish(host, self.address)

    def _panel_hosts(self) -> Sequence[str]:
        """Return the panel's host, unless its name is kept by hand, in a zone that is not ours."""
        try:
            self.zones.of(self.panel.host)
        except errors.NotFoundError:
            return ()
        return (self.panel.host,)

    async def _machines_of(
        self, tx: Transaction, deployment: str, hosts: Sequence[ApplicationHost]
    ) -> Mapping[ApplicationHost, Inside]:
        machines = await self.machines.list_machines(tx, deployment)
        found = {
            application: Inside(machine=it.name, port=port)
            for it in machines
            if it.state.is_wanted
            for application, port in it.placement.ports.items()
        }
        lacking = [it.application for it in hosts if it.application not in found]
        if lacking:
            raise errors.FaultError(
                "route.no_machine", f"no machine of {deployment} holds {', '.join(lacking)}"
            )
        return {it: found[it.application] for it in hosts}


def _announced(job: jobs.Job) -> Mapping[str, Media]:
    """Return what the revision's public objects are read from, by host."""
    return {it.host: Media(url=it.url) for it in job.asked(Announced).media}
