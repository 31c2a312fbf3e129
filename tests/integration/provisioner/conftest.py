"""Provisioner on a real database with a world in memory: what it is told, does and says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import pytest

from services.provisioner import policy
from services.provisioner.adapters.postgres import (
    PostgresMachineRepository,
    PostgresPublicationRepository,
)
from services.provisioner.domain import Address, AddressRange, Route, Size
from services.provisioner.service import Machines, Provisioner, Publication
from shared import database as databases
from shared import ids, jobs
from shared.contracts import registry
from shared.contracts.deployer import ConfigDeployed
from shared.contracts.deployments import ApplicationOrder, Endpoint, MachineRequest, Mode
from shared.contracts.messages import Event, RunEvent
from shared.contracts.panel import DeploymentRemovalRequested, DeploymentRequested
from shared.settings import PostgresSettings, RuntimeSettings
from tests.support.eventually import eventually
from tests.support.fakes.dns_zone import FakeDnsZone, FakeZones
from tests.support.fakes.edge import FakeEdge
from tests.support.fakes.runtime_backend import FakeRuntimeBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.contracts.progress import Progress
    from shared.embedded.servers.postgres import Access

E = TypeVar("E", bound=RunEvent)
SMALL = Size(cpus=1, memory_mib=256, disk_gib=4)
LARGE = Size(cpus=2, memory_mib=512, disk_gib=8)
EDGE = Address(plain=Endpoint(host="127.0.0.1", port=8000))
PANEL = Route(host="panel.demo.localhost", upstream=Endpoint(host="127.0.0.1", port=8080))


@dataclass(kw_only=True)
class World:
    """Everything outside provisioner."""

    backend: FakeRuntimeBackend = field(default_factory=FakeRuntimeBackend)
    zone: FakeDnsZone = field(default_factory=FakeDnsZone)
    edge: FakeEdge = field(default_factory=FakeEdge)
    addresses: AddressRange = field(
        default_factory=lambda: AddressRange(host="127.0.0.1", first=24000, last=24999)
    )
    placement: str = "machine-per-application"


@dataclass(kw_only=True)
class Rig:
    """One deployment's view of provisioner."""

    database: databases.Database
    world: World = field(default_factory=World)
    deployment: str = field(default_factory=ids.new_id)
    reports: list[Progress] = field(default_factory=list)

    def beside(self) -> Rig:
        """Return another deployment's view of the same provisioner."""
        return Rig(database=self.database, world=self.world)

    @property
    def provisioner(self) -> Provisioner:
        zones, machines = FakeZones(self.world.zone), PostgresMachineRepository()
        return Provisioner(
            machines=Machines(
                database=self.database,
                repository=machines,
                backend=self.world.backend,
                place=policy.POLICIES[self.world.placement],
                available=policy.Available(sizes=(SMALL, LARGE)),
                addresses=self.world.addresses,
                check_hosts=zones.check,
            ),
            publication=Publication(
                database=self.database,
                repository=PostgresPublicationRepository(),
                machines=machines,
                zones=zones,
                edge=self.world.edge,
                address=EDGE,
                panel=PANEL,
                url=lambda host: f"http://{host}:18080",
            ),
        )

    async def request(
        self,
        *applications: str,
        revision: int = 1,
        size: Size = SMALL,
        packages: tuple[str, ...] = ("python3",),
        mode: Mode = Mode.ACTIVE,
        domain: str = "",
    ) -> str:
        """Ask for a revision with these applications; return the run."""
        zone = domain or f"{self.deployment[-6:]}.localhost"
        event = DeploymentRequested(
            deployment=self.deployment,
            run=ids.new_id(),
            revision=revision,
            operator=ids.new_id(),
            domain=zone,
            mode=mode,
            applications=tuple(
                ApplicationOrder(application=it, version="1.0.0", host=f"{it}.{zone}")
                for it in applications
            ),
            resources=tuple(
                MachineRequest(
                    application=it,
                    cpus=size.cpus,
                    memory_mib=size.memory_mib,
                    disk_gib=size.disk_gib,
                    http_port=80,
                    image_packages=packages,
                )
                for it in applications
            ),
        )
        async with self.database.transaction() as tx:
            await self.provisioner.on_deployment_requested(event, tx)
        return event.run

    async def deployed(self, revision: int = 1, run: str | None = None) -> str:
        """Say that a revision runs; return the run."""
        event = ConfigDeployed(
            deployment=self.deployment,
            run=run or ids.new_id(),
            revision=revision,
            changed=True,
            systems=(),
        )
        async with self.database.transaction() as tx:
            await self.provisioner.on_config_deployed(event, tx)
        return event.run

    async def remove(self) -> str:
        """Ask for the removal; return the run."""
        event = DeploymentRemovalRequested(
            deployment=self.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        async with self.database.transaction() as tx:
            await self.provisioner.on_removal_requested(event, tx)
        return event.run

    async def said(self, run: str) -> list[Event]:
        """Return what provisioner announced in a run."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select type, payload from outbox where run = $1 order by position", run
            )
        kinds = [(registry.find(row["type"]), row["payload"]) for row in rows]
        return [kind.model_validate_json(payload) for kind, payload in kinds if kind]

    async def answer(self, run: str, kind: type[E], *, number: int = 1) -> E:
        """Return the last of so many answers to a run, which must be of this kind."""

        async def answered() -> bool:
            return len(await self.said(run)) >= number

        await eventually(answered, within=10)
        event = (await self.said(run))[-1]
        assert len(await self.said(run)) == number
        assert isinstance(event, kind), event
        return event

    async def rows(self, table: str) -> int:
        async with self.database.transaction() as tx:
            found: int = await tx.fetchval(f"select count(*) from {table}")  # noqa: S608 - a test's own
        return found

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Do provisioner's jobs and watches for the length of a block."""

        async def publish(progress: Progress) -> None:
            self.reports.append(progress)

        worker = jobs.Worker(
            service="provisioner",
            database=self.database,
            kinds={it.name: it for it in self.provisioner.kinds()},
            publish=publish,
            settings=RuntimeSettings(lease_seconds=0.6),
        )
        watchers = [
            jobs.Watcher(
                database=self.database,
                watch=jobs.Watch(it.name, it.look, every_seconds=0.1),
            )
            for it in self.provisioner.watches()
        ]
        tasks = [
            asyncio.create_task(it)
            for it in (
                worker.work(),
                self.provisioner.publication.keep(),
                *(w.run() for w in watchers),
            )
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [it for it in outcomes if isinstance(it, Exception)], outcomes


@pytest.fixture
async def rig(postgres: Access) -> AsyncIterator[Rig]:
    settings = PostgresSettings(
        host=postgres.host, port=postgres.port, database=postgres.database, user=postgres.user
    )
    schemas = ("shared", "services.provisioner")
    async with databases.connect(settings, postgres.password, schemas=schemas) as database:
        yield Rig(database=database)
