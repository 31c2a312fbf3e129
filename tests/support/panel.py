"""A real panel process on a real bus and database; the other services are played by the test."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
from nats.js.errors import NotFoundError

from services.panel.adapters.postgres_identities import PostgresIdentityRegister
from services.panel.domain import identity
from services.panel.domain.identity import NewToken, Role, Scope
from shared import database as databases
from shared import http, ids, sealing
from shared.contracts.deployer import (
    ActiveSystem,
    ConfigDeployed,
    FirstCredential,
    SystemRemoved,
)
from shared.contracts.deployments import KeptBucket, PublishedRoute
from shared.contracts.failures import Failure, Outcome
from shared.contracts.progress import Progress, StepState
from shared.contracts.provisioner import ProvisioningFailed, RoutePublished, VMReady, VMRemoved
from shared.contracts.storage import StorageReady, StorageRemoved
from shared.embedded.ports import free
from shared.embedded.processes import Child, Command
from tests.support import rig, visitors
from tests.support.bus import envelope_of
from tests.support.eventually import eventually
from tests.support.listener import listening
from tests.support.messaging import publish, publish_raw

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Collection
    from datetime import datetime

    from pydantic import JsonValue, SecretStr

    from shared.contracts.messages import Event
    from shared.embedded.servers.postgres import Access
    from tests.support.bus import Bus
    from tests.support.visitors import SignedIn

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = Path(__file__).parent / "catalogue"
SOON = 15.0
STARTED = 60.0
"""A computer that does much at once takes long to begin yet another process."""
Json = dict[str, Any]
ANY_VERSION = {"If-Match": "*"}
"""Replaces a configuration whatever it is."""
PROVIDER = Path(__file__).with_name("panel-provider.toml").read_text(encoding="utf-8")


@dataclass(kw_only=True)
class PanelRig:
    """One panel process and everything it talks to."""

    bus: Bus
    access: Access
    directory: Path
    port: int = field(default_factory=free)
    authority_port: int = field(default_factory=free)
    resolver_ports: tuple[int, int] = field(default_factory=lambda: (free(), free()))
    """Where a test may let name servers of its own answer."""
    mail_port: int = field(default_factory=free)
    """Where a test may run a relay: mails go there."""
    deployer_identity: SecretStr = field(init=False)
    sealer: sealing.Sealer = field(init=False)
    """Seals to panel, as the other services do."""
    child: Child = field(init=False)
    _environment: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.child = Child("panel", self.directory)
        self.deployer_identity, recipient = sealing.new_identity()
        own_identity, own_recipient = sealing.new_identity()
        self.sealer = sealing.Sealer({"panel": own_recipient})
        secrets = {
            "panel_nats_seed": self.bus.seeds["panel"].get_secret_value(),
            "panel_postgres_password": self.access.password.get_secret_value(),
            "panel_age_identity": own_identity.get_secret_value(),
        }
        folder = self.directory / "secrets"
        folder.mkdir(mode=0o700)
        for name, value in secrets.items():
            (folder / name).write_text(value)
        self._environment = {
            "PATH": os.environ["PATH"],
            "FEDIVERSITY_SECRETS_DIRECTORY": str(folder),
            "PANEL_NATS__URL": self.bus.url,
            "PANEL_POSTGRES__HOST": self.access.host,
            "PANEL_POSTGRES__PORT": str(self.access.port),
            "PANEL_POSTGRES__DATABASE": self.access.database,
            "PANEL_POSTGRES__USER": self.access.user,
            "PANEL_RUNTIME__HOST": "127.0.0.1",
            "PANEL_RUNTIME__PORT": str(self.port),
            "PANEL_RUNTIME__LEASE_SECONDS": "1",
            "PANEL_PROVIDER_FILE": str(self._provider_file()),
            "PANEL_RECIPIENTS": json.dumps({"deployer": recipient}),
            "PANEL_CHECK_PATIENCE_SECONDS": "1",
            "PANEL_WEBHOOKS__ALLOW_HTTP": "true",
            "PANEL_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.1/32"]',
            "PANEL_MAIL__HOST": "127.0.0.1",
            "PANEL_MAIL__PORT": str(self.mail_port),
            "PANEL_MAIL__SECURITY": "none",
            "PANEL_REQUESTS_PER_MINUTE": "100000",
            "PANEL_UNKNOWN_REQUESTS_PER_MINUTE": "100000",
            "PANEL_DNS_RESOLVERS": " ".join(f"127.0.0.1:{it}" for it in self.resolver_ports),
            "PANEL_DNS_AUTHORITY_PORT": str(self.authority_port),
            "PANEL_DNS_MAY_ASK_INSIDE": "true",
            "PANEL_DNS_TIMEOUT_SECONDS": "1",
            # Tests back up on a day that stands still.
            "PANEL_BACKUP_STALE_DAYS": "100000",
            "PANEL_TELEMETRY__DIRECTORY": str(self.directory / "traces"),
        }

    def _provider_file(self) -> Path:
        secret = self.directory / "a-secret"
        secret.write_text("not used by panel")
        file = self.directory / "provider.toml"
        folders = json.dumps([str(ROOT / "nix" / "applications"), str(CATALOGUE)])
        file.write_text(PROVIDER.format(port=self.port, secret=secret, folders=folders))
        return file

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> Command:
        return Command(
            argv=(sys.executable, "-m", "services.panel", *arguments),
            directory=ROOT,
            environment=self._environment,
        )

    async def start(self) -> None:
        await self.child.start(self.command())
        await eventually(self.is_ready, within=STARTED)

    async def is_ready(self) -> bool:
        assert self.child.is_running, self.child.tail(40)
        try:
            async with http.client() as client:
                return (await client.get(f"{self.url}/readyz")).is_success
        except httpx2.TransportError:
            return False

    @asynccontextmanager
    async def database(self) -> AsyncIterator[databases.Database]:
        async with rig.tables(self.access) as found:
            yield found

    async def token(
        self,
        *,
        scopes: Collection[Scope] = (Scope.READ, Scope.WRITE),
        role: Role = Role.OWNER,
        operator: str | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a person and a token, for a new operator unless one is named."""
        register = PostgresIdentityRegister()
        token = identity.new_token()
        async with self.database() as database, database.transaction() as tx:
            owner_of = await register.add_operator(tx, operator or f"Operator {ids.new_id()}")
            person = await register.add_owner(tx, owner_of, "Robin")
            await tx.execute("update memberships set role = $2 where person = $1", person, role)
            new = NewToken(
                person=person,
                operator=owner_of,
                name="test",
                digest=identity.token_digest(token),
                scopes=frozenset(scopes),
                expires_at=expires_at,
            )
            await register.add_token(tx, new)
        return token

    async def session(
        self, *, role: Role = Role.OWNER, operator: str | None = None, provider: bool = False
    ) -> SignedIn:
        """Make a person who has just signed in, for a new operator unless one is named."""
        name = operator or f"Operator {ids.new_id()}"
        async with self.database() as database, database.transaction() as tx:
            new = await visitors.signed_in(tx, name, role, provider=provider)
        return replace(new, url=self.url)

    def browser(self) -> httpx2.AsyncClient:
        """Return a client that asks for pages as the browser of somebody signed out does."""
        return visitors.browser(self.url)

    def client(self, token: str | None) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return http.client(base_url=f"{self.url}/api/v1", headers=headers)

    @asynccontextmanager
    async def operator(
        self, *scopes: Scope, named: str | None = None
    ) -> AsyncIterator[httpx2.AsyncClient]:
        """Yield a client of an operator of its own, unless one is named."""
        token = await self.token(scopes=scopes or (Scope.READ, Scope.WRITE), operator=named)
        async with self.client(token) as client:
            yield client

    async def say(self, service: str, *events: Event) -> None:
        """State facts as a service does."""
        async with self.bus.connect(service) as connection:
            for event in events:
                await publish(connection, event)

    def first_credential(
        self, password: str, *, application: str = "hello", user: str = "admin"
    ) -> FirstCredential:
        """Return what deployer tells about an application that it made a password for."""
        sealed = self.sealer.seal("panel", password)
        return FirstCredential(application=application, user=user, sealed_password=sealed)

    async def say_nonsense(self, service: str, event: Event) -> None:
        """State something that nobody can read, under the envelope of an event."""
        async with self.bus.connect(service) as connection:
            headers = envelope_of(event, service).headers()
            await publish_raw(connection, event.subject(service), headers, b"{")

    async def report(self, *reports: Progress) -> None:
        """Report progress as the services do."""
        for it in reports:
            async with self.bus.connect(it.service) as connection:
                await publish_raw(connection, it.subject, {}, it.model_dump_json().encode())

    async def stated(self, kind: type[Event], deployment: str) -> list[Json]:
        """Return what panel stated about a deployment."""
        subject = f"ev.panel.{deployment}.{kind.event_name()}"
        found: list[Json] = []
        async with self.bus.administrator() as client:
            stream, number = client.jetstream(), 1
            with contextlib.suppress(NotFoundError):  # the end of the stream
                while True:
                    message = await stream.get_msg("EV", number, subject, next=True)
                    found.append(json.loads(message.data or b""))
                    number = (message.seq or number) + 1
        return found


@asynccontextmanager
async def running_panel(bus: Bus, access: Access, directory: Path) -> AsyncIterator[PanelRig]:
    """Run a panel for the length of a block."""
    rig = PanelRig(bus=bus, access=access, directory=directory)
    try:
        await rig.start()
        yield rig
    finally:
        await rig.child.stop()


@asynccontextmanager
async def an_application(status: int = 200) -> AsyncIterator[str]:
    """Yield the URL of something that answers every request with one status."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 {status} It\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()

    async with listening(respond) as address:
        yield f"http://{address}"


async def create(
    client: httpx2.AsyncClient, domain: str | None = None, **options: JsonValue
) -> Json:
    """Create a deployment of `hello` on a domain of its own."""
    wish = {"application": "hello", "options": options}
    body = {"domain": domain or a_domain(), "applications": [wish]}
    answer = await client.post("/deployments", json=body)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def a_domain() -> str:
    return f"{ids.new_id()}.localhost"


async def deploy(client: httpx2.AsyncClient, deployment: str, key: str | None = None) -> Json:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await client.post(f"/deployments/{deployment}/deploy", headers=headers)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found


async def get(client: httpx2.AsyncClient, path: str) -> Json:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def until_state(
    client: httpx2.AsyncClient, run: str, state: str, *, within: float = SOON
) -> Json:
    found: Json = {}

    async def is_there() -> bool:
        found.update(await get(client, f"/runs/{run}"))
        return bool(found["state"] == state)

    await eventually(is_there, within=within)
    return found


def config_deployed(
    run: Json, *credentials: FirstCredential, is_changed: bool = True
) -> ConfigDeployed:
    """Return what deployer says once a revision runs."""
    return ConfigDeployed(
        deployment=run["deployment"],
        run=run["id"],
        revision=run["revision"],
        changed=is_changed,
        systems=(ActiveSystem(machine="m", system="/nix/store/x", generation=1),),
        credentials=credentials,
    )


def answers_of_a_deploy(
    run: Json, url: str, *credentials: FirstCredential, is_changed: bool = True
) -> list[tuple[str, Event]]:
    """Return what the services say when a deploy goes well, in order, by who says it."""
    it = {"deployment": run["deployment"], "run": run["id"], "revision": run["revision"]}
    route = PublishedRoute(application="hello", host="hello.x.localhost", url=url)
    return [
        ("provisioner", VMReady(**it, machines=())),
        ("storage", StorageReady(**it, buckets=())),
        ("deployer", config_deployed(run, *credentials, is_changed=is_changed)),
        ("provisioner", RoutePublished(**it, routes=(route,))),
    ]


def answers_of_a_removal(run: Json) -> list[tuple[str, Event]]:
    it = {"deployment": run["deployment"], "run": run["id"]}
    kept = KeptBucket(bucket="fdv-x", until="2026-12-24T00:00:00Z")
    return [
        ("provisioner", VMRemoved(**it, machines=("fdv-x-1",))),
        ("storage", StorageRemoved(**it, buckets_kept=(kept,))),
        ("deployer", SystemRemoved(**it)),
    ]


def a_failure(run: Json, *, retryable: bool = True) -> ProvisioningFailed:
    return ProvisioningFailed(
        deployment=run["deployment"],
        run=run["id"],
        revision=run["revision"],
        failure=Failure(code="machine.disk_full", message="The disk is full.", retryable=retryable),
        stage="boot",
        outcome=Outcome.UNCHANGED,
    )


def progress(run: Json, step: str, state: StepState, *lines: str, **counted: int | str) -> Progress:
    services = {it["name"]: it["service"] for it in run["steps"]}
    return Progress(
        deployment=run["deployment"],
        run=run["id"],
        service=services[step],
        step=step,
        state=state,
        lines=lines,
        at="2026-11-21T09:30:00Z",
    ).model_copy(update=dict(counted))
