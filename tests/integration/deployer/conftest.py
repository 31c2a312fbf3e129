"""Deployer on real parts: a database, Nix, and a guest with an object store behind its door."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from services.deployer.adapters import process
from services.deployer.adapters.certificates import EdgeCertificates
from services.deployer.adapters.cryptography import CryptographySecretMaker
from services.deployer.adapters.http import HttpHealthProbe
from services.deployer.adapters.nix import Nix, NixSystemBuilder
from services.deployer.adapters.postgres import PostgresApplicationSecrets, PostgresRevisions
from services.deployer.adapters.postgres_conditions import PostgresConditions
from services.deployer.adapters.postgres_transfers import PostgresTransfers
from services.deployer.adapters.ssh import SshHosts
from services.deployer.service import Deployer, Timing
from shared import clock, ids, jobs
from shared import database as databases
from shared.bus.dead_letters import DeadLetters
from shared.contracts.deployments import Endpoint
from shared.contracts.provisioner import VMReady
from shared.contracts.storage import StorageReady
from shared.jobs import Watcher
from shared.sealing import Sealer, Unsealer, new_identity
from shared.settings import RuntimeSettings
from tests.support import guests, rig
from tests.support.deployments import a_renderer, a_wish
from tests.support.eventually import eventually
from tests.support.servers import throwaway_directory
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from services.deployer.ports import HealthProbe, Hosts, SystemBuilder
    from shared.contracts.deployments import GrantedBucket, GrantedMachine, Options
    from shared.contracts.progress import Progress
    from shared.database import Row
    from shared.embedded.servers.postgres import Access
    from shared.embedded.servers.seaweedfs import SeaweedServer

TIMING = Timing(health=12.0, confirmation=10.0, watchdog=60, between_looks=0.3)
REAL_TIMING = replace(TIMING, health=25.0, confirmation=30.0, watchdog=90)
"""For a guest, of which every instruction is translated."""
SOON = 120
"""Seconds for what a guest has to do; nothing here is about how fast it is."""
HEALTH = {
    "hello": "/healthz",
    "moody": "/health.txt",
    "diary": "/secrets.txt",
    "shelf": "/health.txt",
}
PORTS = (80, 8081)
"""Where the first and the second application of a machine answer."""
IDENTITY, RECIPIENT = new_identity()
PANEL, PANEL_RECIPIENT = new_identity()


@dataclass(kw_only=True)
class World:
    """A deployment that deployer takes care of."""

    database: databases.Database
    deployer: Deployer
    machine: GrantedMachine
    deployment: str = field(default_factory=ids.new_id)
    runs: int = 0
    buckets: Sequence[GrantedBucket] = ()
    progress: list[Progress] = field(default_factory=list)
    directory: Path | None = None
    """What deployer has on its own disk."""
    commands: list[str] = field(default_factory=list)
    """Arguments and environment of every program that was started."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Once a test has opened it, the step goes on that is held up."""

    async def ask(self, *applications: str, options: Options | None = None) -> str:
        """Let deployer hear a wish and what was granted for it; return the run."""
        run, self.runs = ids.new_id(), self.runs + 1
        wish = a_wish(
            *applications, options=options, number=self.runs, run=run, deployment=self.deployment
        )
        common = {"deployment": self.deployment, "revision": self.runs, "run": run}
        resources = [
            it.model_copy(update={"health_path": HEALTH[it.application], "http_port": port})
            for it, port in zip(wish.resources, PORTS, strict=False)
        ]
        machine = self.machine.model_copy(update={"applications": applications})
        async with self.database.transaction() as tx:
            await self.deployer.on_vm_ready(VMReady(**common, machines=(machine,)), tx)
        async with self.database.transaction() as tx:
            update = {"resources": tuple(resources)}
            await self.deployer.on_deployment_requested(wish.model_copy(update=update), tx)
        async with self.database.transaction() as tx:
            ready = StorageReady(**common, buckets=tuple(self.buckets))
            await self.deployer.on_storage_ready(ready, tx)
        return run

    async def end_of(self, run: str) -> Row:
        """Return the event that a run ended with: type and payload."""
        found: list[Row] = []

        async def is_there() -> bool:
            async with self.database.transaction() as tx:
                found[:] = await tx.fetch("select type, payload from outbox where run = $1", run)
            return bool(found)

        await eventually(is_there, within=300)
        return found[0]

    @asynccontextmanager
    async def working(self, *, held: str = "") -> AsyncIterator[None]:
        """Work on jobs and watches for the length of a block; the gate holds up one step."""

        async def publish(progress: Progress) -> None:
            self.progress.append(progress)
            if progress.step == held:
                await self.gate.wait()

        worker = jobs.Worker(
            service="deployer",
            database=self.database,
            kinds={it.name: it for it in self.deployer.kinds()},
            publish=publish,
            park=DeadLetters("deployer", self.database, {}).park,
            settings=RuntimeSettings(lease_seconds=1.0),
        )
        watchers = [Watcher(database=self.database, watch=it) for it in self.deployer.watches()]
        tasks = [asyncio.create_task(it) for it in (worker.work(), *(w.run() for w in watchers))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with self.database.transaction() as tx:
                # A look that was broken off keeps its lease, and nobody works meanwhile.
                await tx.execute("update watches set lease_until = null")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guest(object_store: SeaweedServer) -> AsyncIterator[guests.Guest]:
    where = urlsplit(object_store.access.endpoint)
    assert where.hostname
    assert where.port
    s3 = Endpoint(host=where.hostname, port=where.port)
    with throwaway_directory() as directory:
        async with guests.running(directory, applications=("moody",), s3=s3) as found:
            yield found


@pytest.fixture
async def database(postgres: Access) -> AsyncIterator[databases.Database]:
    async with rig.tables(postgres, "shared", "services.deployer") as found:
        yield found


def a_sealer() -> Sealer:
    return Sealer({"deployer": RECIPIENT, "panel": PANEL_RECIPIENT})


@pytest.fixture
def sealer() -> Sealer:
    return a_sealer()


def a_deployer(
    database: databases.Database,
    hosts: Hosts,
    builder: SystemBuilder,
    probe: HealthProbe,
    sealer: Sealer,
) -> Deployer:
    """Return a deployer on these parts that remembers in a real database."""
    return Deployer(
        revisions=PostgresRevisions(database),
        secrets=PostgresApplicationSecrets(database),
        transfers=PostgresTransfers(database),
        renderer=a_renderer(),
        builder=builder,
        hosts=hosts,
        probe=probe,
        maker=CryptographySecretMaker(),
        sealer=sealer,
        unsealer=Unsealer(IDENTITY),
        certificates=EdgeCertificates(None),
        conditions=PostgresConditions(),
        transaction=database.transaction,
        clock=clock.system,
        timing=TIMING,
    )


@pytest.fixture
async def world(
    database: databases.Database, guest: guests.Guest, sealer: Sealer
) -> AsyncIterator[World]:
    commands: list[str] = []

    async def run(
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        seconds: float = 60.0,
    ) -> bytes:
        commands.append(f"{argv} {environment}")
        return await process.run(argv, stdin=stdin, environment=environment, seconds=seconds)

    async def stream(
        argv: Sequence[str],
        told: Callable[[bytes], Awaitable[None]],
        *,
        stdin: bytes = b"",
        seconds: float = 60.0,
    ) -> tuple[int, str]:
        commands.append(f"{argv}")
        return await process.stream(argv, told, stdin=stdin, seconds=seconds)

    with throwaway_directory() as directory:
        nix = Nix.usual(directory)
        builder = NixSystemBuilder(
            nix=nix, expression=ROOT / "nix/standalone", work_directory=directory, run=run
        )
        async with (
            SshHosts.opened(key_file=guest.key_file, work_directory=directory, nix=nix) as hosts,
            HttpHealthProbe.opened() as probe,
        ):
            hosts.run, hosts.stream = run, stream
            deployer = a_deployer(database, hosts, builder, probe, sealer)
            yield World(
                database=database,
                deployer=replace(deployer, timing=REAL_TIMING),
                machine=guest.granted,
                directory=directory,
                commands=commands,
            )
