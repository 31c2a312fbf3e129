"""The storage service as a process, and everything it needs, for the length of a test."""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import httpx2
from nats.js.errors import NotFoundError
from typing_extensions import override

from shared import database as databases
from shared import ids, sealing
from shared.bus.streams import EVENTS
from shared.contracts.deployments import BucketRequest
from shared.contracts.messages import RunEvent
from shared.contracts.panel import DeploymentRemovalRequested, DeploymentRequested
from shared.embedded import files, parts
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command
from shared.settings import PostgresSettings
from tests.support.bus import running_bus
from tests.support.eventually import eventually
from tests.support.messaging import publish
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from shared.bus.connection import Connection
    from shared.embedded.servers.postgres import Access as DatabaseAccess
    from shared.embedded.servers.seaweedfs import Access
    from tests.support.bus import Bus

E = TypeVar("E", bound=RunEvent)
WITHIN = 30.0
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
endpoint = "{endpoint}"
region = "{region}"
access_key_id = "{access_key_id}"
secret_key_file = "store_secret"
retention_days = 0
[[zones]]
name = "front"
kind = "front"
suffix = "localhost"
endpoint = "http://127.0.0.1:9"
token_file = "front_token"
[edge]
kind = "caddy"
admin = "http://127.0.0.1:9"
address = "127.0.0.1:9"
public_scheme = "http"
[sizes.small]
cpus = 1
memory_mib = 256
disk_gib = 4
[catalogue]
folders = ["applications"]
"""


class StorageProcess(Part):
    """`python -m services.storage`."""

    def __init__(self, directory: Path, port: int, environment: Mapping[str, str]) -> None:
        super().__init__("storage", directory)
        self._port = port
        self._environment = environment
        self.extra: dict[str, str] = {}

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {"storage": self._port}

    @override
    async def prepare(self) -> Command:
        return Command(
            argv=(sys.executable, "-m", "services.storage"),
            directory=self.directory,
            environment=parts.environment(**self._environment, **self.extra),
        )

    async def readiness(self) -> dict[str, object]:
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.get(f"http://{LOOPBACK}:{self._port}/readyz")
        found: dict[str, object] = answer.json()
        return found

    @override
    async def answers(self) -> bool:
        try:
            return bool((await self.readiness())["ready"])
        except httpx2.TransportError:
            return False


@dataclass(kw_only=True)
class World:
    """A running storage service, seen from the bus as panel and deployer see it."""

    process: StorageProcess
    bus: Bus
    panel: Connection
    database: databases.Database
    deployer: sealing.Unsealer
    deployment: str = field(default_factory=ids.new_id)

    async def request(self, *purposes: str, revision: int = 1) -> str:
        """Ask for a revision with these buckets; return the run."""
        event = DeploymentRequested(
            deployment=self.deployment,
            run=ids.new_id(),
            revision=revision,
            operator=ids.new_id(),
            domain="garden.localhost",
            applications=(),
            resources=tuple(BucketRequest(application="hello", purpose=it) for it in purposes),
        )
        await publish(self.panel, event)
        return event.run

    async def remove(self) -> str:
        """Ask for the removal; return the run."""
        event = DeploymentRemovalRequested(
            deployment=self.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        await publish(self.panel, event)
        return event.run

    async def answer(self, run: str, kind: type[E]) -> E:
        """Wait for this answer to a run."""
        subject = f"ev.storage.{self.deployment}.{kind.event_name()}"
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


@asynccontextmanager
async def running_storage(store: Access, database: DatabaseAccess) -> AsyncIterator[World]:
    """Run the service with a bus of its own."""
    identity, recipient = sealing.new_identity()
    own, own_recipient = sealing.new_identity()
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(running_bus())
        directory = stack.enter_context(throwaway_directory())
        write_secrets(
            directory,
            storage_nats_seed=bus.seeds["storage"].get_secret_value(),
            storage_postgres_password=database.password.get_secret_value(),
            storage_age_identity=own.get_secret_value(),
            store_secret=store.secret_access_key.get_secret_value(),
        )
        configuration = PROVIDER.format(
            endpoint=store.endpoint, region=store.region, access_key_id=store.access_key_id
        )
        files.write(directory / "provider.toml", configuration)
        port = free()
        environment = {
            "FEDIVERSITY_SECRETS_DIRECTORY": str(directory),
            "PYTHONPATH": parts.python_path(),
            "STORAGE_NATS__URL": bus.url,
            "STORAGE_POSTGRES__HOST": database.host,
            "STORAGE_POSTGRES__PORT": str(database.port),
            "STORAGE_POSTGRES__DATABASE": database.database,
            "STORAGE_POSTGRES__USER": database.user,
            "STORAGE_PROVIDER_FILE": str(directory / "provider.toml"),
            "STORAGE_RECIPIENTS": json.dumps({"deployer": recipient, "storage": own_recipient}),
            "STORAGE_RUNTIME__HOST": LOOPBACK,
            "STORAGE_RUNTIME__LEASE_SECONDS": "1.0",
            "STORAGE_RUNTIME__PORT": str(port),
        }
        process = StorageProcess(directory, port, environment)
        await stack.enter_async_context(parts.running(process))
        panel = await stack.enter_async_context(bus.connect("panel"))
        settings = PostgresSettings(
            host=database.host,
            port=database.port,
            database=database.database,
            user=database.user,
        )
        tables = await stack.enter_async_context(
            databases.connect(settings, database.password, schemas=())
        )
        yield World(
            process=process,
            bus=bus,
            panel=panel,
            database=tables,
            deployer=sealing.Unsealer(identity),
        )


def write_secrets(directory: Path, **values: str) -> None:
    """Write each secret to a file of its name that only its owner can read."""
    for name, value in values.items():
        files.write(directory / name, value, mode=0o400)
