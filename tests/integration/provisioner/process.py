"""The provisioner as a process, and everything it needs, for the length of a test."""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import httpx2
from nats.js.errors import NotFoundError
from pydantic import SecretStr
from typing_extensions import override

from services.provisioner.adapters.caddy import CaddyEdge
from services.provisioner.adapters.front import FrontDnsZone
from services.provisioner.adapters.qemu import commands
from shared import database as databases
from shared import http, ids, sealing
from shared.bus.streams import EVENTS
from shared.contracts.deployer import ConfigDeployed
from shared.contracts.deployments import ApplicationOrder, MachineRequest
from shared.contracts.messages import RunEvent
from shared.contracts.panel import DeploymentRemovalRequested, DeploymentRequested
from shared.embedded import files, parts, places
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command
from shared.embedded.servers import caddy, front
from shared.settings import PostgresSettings
from tests.support.backends import PACKAGES, hosting
from tests.support.bus import running_bus
from tests.support.eventually import eventually
from tests.support.messaging import publish
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from services.provisioner.adapters.qemu import QemuRuntimeBackend
    from shared.bus.connection import Connection
    from shared.embedded.servers.postgres import Access as DatabaseAccess
    from tests.support.bus import Bus

E = TypeVar("E", bound=RunEvent)
WITHIN = 90.0
TOKEN = SecretStr("a-token-for-tests")
PROVIDER = """
[provider]
name = "Test"
[panel]
host = "panel.test.localhost"
upstream = "127.0.0.1:9"
[[runtime_backends]]
name = "local"
kind = "qemu"
[[object_stores]]
name = "local"
kind = "iam"
endpoint = "http://127.0.0.1:9"
access_key_id = "unused"
secret_key_file = "front_token"
[[zones]]
name = "front"
kind = "front"
suffix = "localhost"
endpoint = "{front}"
token_file = "front_token"
[edge]
kind = "caddy"
admin = "{admin}"
address = "{address}"
tls_address = "{tls_address}"
public_scheme = "http"
public_port = 18080
[sizes.small]
cpus = 1
memory_mib = 256
disk_gib = 4
[catalogue]
folders = ["applications"]
"""


class ProvisionerProcess(Part):
    """`python -m services.provisioner`."""

    def __init__(self, directory: Path, port: int, environment: Mapping[str, str]) -> None:
        super().__init__("provisioner", directory)
        self._port = port
        self.environment = dict(environment)

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {"provisioner": self._port}

    @override
    async def prepare(self) -> Command:
        return Command(
            argv=(sys.executable, "-m", "services.provisioner"),
            directory=self.directory,
            environment=parts.environment(**self.environment),
        )

    async def once(self, command: str) -> None:
        """Run a one-shot command with the same settings."""
        await commands.run(
            (sys.executable, "-m", "services.provisioner", command), environment=self.environment
        )

    @override
    async def answers(self) -> bool:
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
                answer = await client.get(f"http://{LOOPBACK}:{self._port}/readyz")
        except httpx2.TransportError:
            return False
        return bool(answer.json()["ready"])


@dataclass(kw_only=True)
class World:
    """A running provisioner, seen from the bus and from the world that it changes."""

    process: ProvisionerProcess
    bus: Bus
    panel: Connection
    deployer: Connection
    database: databases.Database
    backend: QemuRuntimeBackend
    zone: FrontDnsZone
    edge: CaddyEdge
    deployment: str = field(default_factory=ids.new_id)

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

    async def remove(self) -> str:
        """Ask for the removal; return the run."""
        event = DeploymentRemovalRequested(
            deployment=self.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        await publish(self.panel, event)
        return event.run

    async def answer(self, run: str, kind: type[E]) -> E:
        """Wait for this answer to a run."""
        subject = f"ev.provisioner.{self.deployment}.{kind.event_name()}"
        found: list[E] = []
        async with self.bus.administrator() as client:

            async def is_there() -> bool:
                try:
                    message = await client.jetstream().get_last_msg(EVENTS, subject)
                except NotFoundError:
                    return False
                event = kind.model_validate_json(message.data or b"")
                found[:] = [event] if event.run == run else []
                return bool(found)

            await eventually(is_there, within=WITHIN)
        return found[0]

    async def until_at(self, step: str) -> None:
        """Wait until the job of the deployment is at a step."""

        async def is_there() -> bool:
            async with self.database.transaction() as tx:
                found: str | None = await tx.fetchval(
                    "select step from jobs where deployment = $1 and state = 'running'",
                    self.deployment,
                )
            return found == step

        await eventually(is_there, within=WITHIN)

    async def said(self, kind: type[RunEvent]) -> int:
        """Count how often this was announced."""
        subject = f"ev.provisioner.{self.deployment}.{kind.event_name()}"
        return (await self.bus.stored()).count(subject)


@asynccontextmanager
async def running_provisioner(database: DatabaseAccess) -> AsyncIterator[World]:
    """Run the service with a bus, an edge and a front of its own; its machines end with it."""
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(running_bus())
        directory = stack.enter_context(throwaway_directory())
        backend = await stack.enter_async_context(hosting(directory))
        edge = await stack.enter_async_context(caddy.running(directory / "caddy"))
        zone = await stack.enter_async_context(front.running(directory / "front", token=TOKEN))
        own, recipient = sealing.new_identity()
        for name, value in {
            "provisioner_nats_seed": bus.seeds["provisioner"].get_secret_value(),
            "provisioner_postgres_password": database.password.get_secret_value(),
            "provisioner_age_identity": own.get_secret_value(),
            "front_token": TOKEN.get_secret_value(),
        }.items():
            files.write(directory / name, value, mode=0o400)
        configuration = PROVIDER.format(
            front=zone.api,
            admin=edge.admin,
            address=f"{LOOPBACK}:{edge.port}",
            tls_address=f"{LOOPBACK}:{edge.tls_port}",
        )
        files.write(directory / "provider.toml", configuration)
        port = free()
        environment = {
            "FEDIVERSITY_SECRETS_DIRECTORY": str(directory),
            "PYTHONPATH": parts.python_path(),
            "PROVISIONER_NATS__URL": bus.url,
            "PROVISIONER_POSTGRES__HOST": database.host,
            "PROVISIONER_POSTGRES__PORT": str(database.port),
            "PROVISIONER_POSTGRES__DATABASE": database.database,
            "PROVISIONER_POSTGRES__USER": database.user,
            "PROVISIONER_PROVIDER_FILE": str(directory / "provider.toml"),
            "PROVISIONER_RECIPIENTS": json.dumps({"provisioner": recipient}),
            "PROVISIONER_RUNTIME__HOST": LOOPBACK,
            "PROVISIONER_RUNTIME__LEASE_SECONDS": "1.0",
            "PROVISIONER_RUNTIME__PORT": str(port),
            "PROVISIONER_QEMU_DIRECTORY": str(backend.directory),
            "PROVISIONER_CACHE_DIRECTORY": str(places.options().cache),
            "PROVISIONER_SSH_PUBLIC_KEY_FILE": str(directory / "key.pub"),
        }
        process = ProvisionerProcess(directory / "process", port, environment)
        await stack.enter_async_context(parts.running(process))
        headers = {"Authorization": f"Bearer {TOKEN.get_secret_value()}"}
        zone_client = await stack.enter_async_context(
            http.client(base_url=zone.api, headers=headers)
        )
        edge_client = await stack.enter_async_context(http.client(base_url=edge.admin))
        settings = PostgresSettings(
            host=database.host,
            port=database.port,
            database=database.database,
            user=database.user,
        )
        yield World(
            process=process,
            bus=bus,
            panel=await stack.enter_async_context(bus.connect("panel")),
            deployer=await stack.enter_async_context(bus.connect("deployer")),
            database=await stack.enter_async_context(
                databases.connect(settings, database.password, schemas=())
            ),
            backend=backend,
            zone=FrontDnsZone(zone_client),
            edge=CaddyEdge(client=edge_client, has_tls=True),
        )
