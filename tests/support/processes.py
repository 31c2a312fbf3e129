"""A service as a process of its own, and the bus and database around it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import httpx2
from nats.js.errors import NotFoundError
from typing_extensions import override

from services.provisioner.adapters.qemu import commands
from shared import ids, sealing
from shared.bus.streams import EVENTS
from shared.contracts.messages import RunEvent
from shared.contracts.panel import DeploymentRemovalRequested
from shared.embedded import files, parts
from shared.embedded.parts import Part
from shared.embedded.ports import LOOPBACK, free
from shared.embedded.processes import Command
from tests.support.eventually import eventually
from tests.support.messaging import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.bus.connection import Connection
    from shared.database import Database
    from shared.embedded.servers.postgres import Access
    from tests.support.bus import Bus

E = TypeVar("E", bound=RunEvent)
WITHIN = 90.0
NOBODY = f"{LOOPBACK}:9"
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
endpoint = "{store}"
region = "{region}"
access_key_id = "{access_key_id}"
secret_key_file = "store_secret"
retention_days = 0
[[zones]]
name = "front"
kind = "front"
suffix = "localhost"
endpoint = "{front}"
token_file = "front_token"
[edge]
kind = "caddy"
admin = "{admin}"
address = "{edge}"
tls_address = "{edge_tls}"
public_scheme = "http"
public_port = 18080
[sizes.small]
cpus = 1
memory_mib = 256
disk_gib = 4
[catalogue]
folders = ["applications"]
"""


def provider(**values: str) -> str:
    """Return a provider configuration; what is not given leads to nobody."""
    away = f"http://{NOBODY}"
    nobody = {"store": away, "front": away, "admin": away, "edge": NOBODY, "edge_tls": NOBODY}
    return PROVIDER.format(**{"region": "x", "access_key_id": "x", **nobody, **values})


def write_secrets(directory: Path, **values: str) -> None:
    """Write each secret to a file of its name that only its owner can read."""
    for name, value in values.items():
        files.write(directory / name, value, mode=0o400)


class ServiceProcess(Part):
    """`python -m services.<name>`."""

    def __init__(self, name: str, directory: Path, environment: Mapping[str, str]) -> None:
        super().__init__(name, directory)
        self._port = free()
        self.environment = dict(environment)
        self.set("RUNTIME__PORT", str(self._port))

    def set(self, setting: str, value: str) -> None:
        """Change a setting, from the next start on."""
        self.environment[f"{self.name.upper()}_{setting}"] = value

    def pause_before(self, *steps: str) -> None:
        """Let jobs stand still before these steps, and nowhere else, from the next start on."""
        self.set("RUNTIME__STEP_PAUSE_SECONDS", "60" if steps else "0")
        self.set("RUNTIME__STEP_PAUSE_STEPS", json.dumps(steps))

    @property
    @override
    def ports(self) -> Mapping[str, int]:
        return {self.name: self._port}

    @override
    async def prepare(self) -> Command:
        return Command(
            argv=(sys.executable, "-m", f"services.{self.name}"),
            directory=self.directory,
            environment=parts.environment(**self.environment),
        )

    async def once(self, command: str) -> None:
        """Run a one-shot command with the same settings."""
        await commands.run(
            (sys.executable, "-m", f"services.{self.name}", command), environment=self.environment
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


def prepared(
    name: str, directory: Path, bus: Bus, database: Access, configuration: str
) -> ServiceProcess:
    """Write what a service reads, and return its process, which is not started yet."""
    own, recipient = sealing.new_identity()
    write_secrets(
        directory,
        **{
            f"{name}_nats_seed": bus.seeds[name].get_secret_value(),
            f"{name}_postgres_password": database.password.get_secret_value(),
            f"{name}_age_identity": own.get_secret_value(),
        },
    )
    files.write(directory / "provider.toml", configuration)
    places = {
        "FEDIVERSITY_SECRETS_DIRECTORY": str(directory),
        "PYTHONPATH": parts.python_path(),
    }
    process = ServiceProcess(name, directory / "process", places)
    settings = {
        "NATS__URL": bus.url,
        "POSTGRES__HOST": database.host,
        "POSTGRES__PORT": str(database.port),
        "POSTGRES__DATABASE": database.database,
        "POSTGRES__USER": database.user,
        "PROVIDER_FILE": str(directory / "provider.toml"),
        "RECIPIENTS": json.dumps({name: recipient}),
        "RUNTIME__HOST": LOOPBACK,
        "RUNTIME__LEASE_SECONDS": "1.0",
    }
    for setting, value in settings.items():
        process.set(setting, value)
    return process


@dataclass(kw_only=True)
class ServiceWorld:
    """A running service, seen from the bus as panel sees it."""

    process: ServiceProcess
    bus: Bus
    panel: Connection
    database: Database
    deployment: str = field(default_factory=ids.new_id)

    async def remove(self) -> str:
        """Ask for the removal; return the run."""
        event = DeploymentRemovalRequested(
            deployment=self.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        await publish(self.panel, event)
        return event.run

    async def answer(self, run: str, kind: type[E]) -> E:
        """Wait for this answer to a run."""
        subject = self._subject(kind)
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

    async def said(self, kind: type[RunEvent]) -> int:
        """Count how often this was announced."""
        return (await self.bus.stored()).count(self._subject(kind))

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

    def _subject(self, kind: type[RunEvent]) -> str:
        return f"ev.{self.process.name}.{self.deployment}.{kind.event_name()}"
