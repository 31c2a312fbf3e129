"""Provisioner on a real database with a world in memory: what it is told, does and says."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from services.provisioner import policy
from services.provisioner.adapters.postgres import (
    PostgresMachineRepository,
    PostgresPublicationRepository,
)
from services.provisioner.domain import Address, AddressRange, Door, Route, Size
from services.provisioner.service import Machines, Provisioner, Publication
from shared import ids
from shared.contracts.deployer import ConfigDeployed
from shared.contracts.deployments import (
    ApplicationOrder,
    BucketRequest,
    Endpoint,
    MachineRequest,
    Mode,
    PublicBucket,
)
from shared.contracts.panel import DeploymentRequested
from tests.support.fakes.dns_zone import FakeDnsZone, FakeZones
from tests.support.fakes.edge import FakeEdge
from tests.support.fakes.runtime_backend import FakeRuntimeBackend
from tests.support.rig import ServiceRig, tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from shared.embedded.servers.postgres import Access

SMALL = Size(cpus=1, memory_mib=256, disk_gib=4)
LARGE = Size(cpus=2, memory_mib=512, disk_gib=8)
EDGE = Address(plain=Endpoint(host="127.0.0.1", port=8000))
PANEL = Route(host="panel.demo.localhost", upstream=Endpoint(host="127.0.0.1", port=8080))


def port(application: str) -> int:
    """Return the port of an application, which no other one has."""
    return 8000 + zlib.crc32(application.encode()) % 1000


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
class Rig(ServiceRig):
    """One deployment's view of provisioner."""

    world: World = field(default_factory=World)

    def beside(self) -> Rig:
        """Return another deployment's view of the same provisioner."""
        return Rig(database=self.database, world=self.world)

    @property
    def zone(self) -> str:
        """The domain of the deployment's applications."""
        return f"{self.deployment[-6:]}.localhost"

    @property
    @override
    def service(self) -> Provisioner:
        zones, machines = FakeZones(self.world.zone), PostgresMachineRepository()
        return Provisioner(
            machines=Machines(
                database=self.database,
                repository=machines,
                backend=self.world.backend,
                place=policy.POLICIES[self.world.placement],
                available=policy.Available(sizes=(SMALL, LARGE)),
                addresses=self.world.addresses,
                retention_days=7,
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

    async def request(  # noqa: PLR0913 - what a revision can ask for, spelt out
        self,
        *applications: str,
        revision: int = 1,
        size: Size = SMALL,
        packages: Mapping[str, tuple[str, ...]] | None = None,
        keeps_data: bool = True,
        mode: Mode = Mode.ACTIVE,
        domain: str = "",
        media: Sequence[str] = (),
        doors: Mapping[str, AbstractSet[Door]] | None = None,
    ) -> str:
        """Ask for a revision with these applications and media of theirs; return the run."""
        zone = domain or self.zone
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
            resources=(
                *(
                    MachineRequest(
                        application=it,
                        cpus=size.cpus,
                        memory_mib=size.memory_mib,
                        disk_gib=size.disk_gib,
                        http_port=port(it),
                        image_packages=(packages or {}).get(it, ("python3",)),
                        keeps_data=keeps_data,
                        egress=Door.EGRESS in (doors or {}).get(it, ()),
                        mail=Door.MAIL in (doors or {}).get(it, ()),
                    )
                    for it in applications
                ),
                *(
                    BucketRequest(application=it, purpose="media", public_host=f"media-{it}.{zone}")
                    for it in media
                ),
            ),
        )
        async with self.database.transaction() as tx:
            await self.service.on_deployment_requested(event, tx)
        return event.run

    async def deployed(
        self,
        revision: int = 1,
        run: str | None = None,
        media: Sequence[PublicBucket] = (),
    ) -> str:
        """Say that a revision runs, and where its media are; return the run."""
        event = ConfigDeployed(
            deployment=self.deployment,
            run=run or ids.new_id(),
            revision=revision,
            changed=True,
            systems=(),
            media=tuple(media),
        )
        async with self.database.transaction() as tx:
            await self.service.on_config_deployed(event, tx)
        return event.run

    async def rows(self, table: str) -> int:
        async with self.database.transaction() as tx:
            found: int = await tx.fetchval(f"select count(*) from {table}")  # noqa: S608 - a test's own
        return found

    @override
    def background(self) -> Sequence[Coroutine[object, object, None]]:
        return (self.service.publication.keep(),)


@pytest.fixture
async def rig(postgres: Access) -> AsyncIterator[Rig]:
    async with tables(postgres, "shared", "services.provisioner") as database:
        yield Rig(database=database)
