"""The provisioner as a process, and everything it needs, for the length of a test."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from services.provisioner.adapters.caddy import CaddyEdge
from services.provisioner.adapters.front import FrontDnsZone
from shared import http, ids
from shared.contracts.deployer import ConfigDeployed
from shared.contracts.deployments import ApplicationOrder, MachineRequest
from shared.contracts.panel import DeploymentRequested
from shared.embedded import parts, places
from shared.embedded.ports import LOOPBACK
from shared.embedded.servers import caddy, front
from tests.support.backends import PACKAGES, hosting
from tests.support.bus import running_bus
from tests.support.messaging import publish
from tests.support.processes import ServiceWorld, prepared, provider, write_secrets
from tests.support.rig import tables
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.provisioner.adapters.qemu import QemuRuntimeBackend
    from shared.bus.connection import Connection
    from shared.embedded.servers.postgres import Access as DatabaseAccess

TOKEN = SecretStr("a-token-for-tests")


@dataclass(kw_only=True)
class World(ServiceWorld):
    """A running provisioner, seen from the bus and from the world that it changes."""

    deployer: Connection
    backend: QemuRuntimeBackend
    zone: FrontDnsZone
    edge: CaddyEdge

    @property
    def host(self) -> str:
        return f"hello.{self.deployment[-6:]}.localhost"

    async def request(self, revision: int = 1) -> str:
        """Ask for hello; return the run."""
        order = ApplicationOrder(application="hello", version="1.0.0", host=self.host)
        machine = MachineRequest(
            application="hello",
            cpus=1,
            memory_mib=256,
            disk_gib=4,
            http_port=80,
            image_packages=PACKAGES,
        )
        event = DeploymentRequested(
            deployment=self.deployment,
            run=ids.new_id(),
            revision=revision,
            operator=ids.new_id(),
            domain=self.host.partition(".")[2],
            applications=(order,),
            resources=(machine,),
        )
        await publish(self.panel, event)
        return event.run

    async def deployed(self, run: str, revision: int = 1) -> None:
        """Say that the revision runs."""
        event = ConfigDeployed(
            deployment=self.deployment, run=run, revision=revision, changed=True, systems=()
        )
        await publish(self.deployer, event)


@asynccontextmanager
async def running_provisioner(database: DatabaseAccess) -> AsyncIterator[World]:
    """Run the service with a bus, an edge and a front of its own; its machines end with it."""
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(running_bus())
        directory = stack.enter_context(throwaway_directory())
        backend = await stack.enter_async_context(hosting(directory))
        edge = await stack.enter_async_context(caddy.running(directory / "caddy"))
        zone = await stack.enter_async_context(front.running(directory / "front", token=TOKEN))
        configuration = provider(
            front=zone.api,
            admin=edge.admin,
            edge=f"{LOOPBACK}:{edge.port}",
            edge_tls=f"{LOOPBACK}:{edge.tls_port}",
        )
        process = prepared("provisioner", directory, bus, database, configuration)
        process.set("QEMU_DIRECTORY", str(backend.directory))
        process.set("CACHE_DIRECTORY", str(places.options().cache))
        process.set("SSH_PUBLIC_KEY_FILE", str(directory / "key.pub"))
        write_secrets(directory, front_token=TOKEN.get_secret_value())
        await stack.enter_async_context(parts.running(process))
        headers = {"Authorization": f"Bearer {TOKEN.get_secret_value()}"}
        zone_client = await stack.enter_async_context(
            http.client(base_url=zone.api, headers=headers)
        )
        edge_client = await stack.enter_async_context(http.client(base_url=edge.admin))
        yield World(
            process=process,
            bus=bus,
            panel=await stack.enter_async_context(bus.connect("panel")),
            deployer=await stack.enter_async_context(bus.connect("deployer")),
            database=await stack.enter_async_context(tables(database)),
            backend=backend,
            zone=FrontDnsZone(zone_client),
            edge=CaddyEdge(client=edge_client, has_tls=True),
        )
