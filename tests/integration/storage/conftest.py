"""Storage on a real database with a store in memory: what it is told, does and says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import pytest

from services.storage.adapters.postgres import PostgresBucketRepository
from services.storage.service import Storage, Store, Stores
from shared import database as databases
from shared import ids, jobs, sealing
from shared.contracts import registry
from shared.contracts.deployments import BucketRequest, MachineRequest
from shared.contracts.messages import Event, RunEvent
from shared.contracts.panel import DeploymentRemovalRequested, DeploymentRequested
from shared.settings import PostgresSettings, RuntimeSettings
from tests.support.eventually import eventually
from tests.support.fakes.object_store import FakeObjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.contracts.progress import Progress
    from shared.embedded.servers.postgres import Access

E = TypeVar("E", bound=RunEvent)
IDENTITY, RECIPIENT = sealing.new_identity()


@dataclass(kw_only=True)
class Rig:
    """One deployment's view of storage."""

    database: databases.Database
    store: FakeObjectStore
    offered: dict[str, Store]
    deployment: str = field(default_factory=ids.new_id)
    reports: list[Progress] = field(default_factory=list)

    @property
    def storage(self) -> Storage:
        return Storage(
            database=self.database,
            buckets=PostgresBucketRepository(),
            stores=Stores(self.offered),
            sealer=sealing.Sealer({"deployer": RECIPIENT}),
            retention_seconds=0.1,
        )

    def keep_for(self, days: int) -> None:
        self.offered["local"] = a_store(self.store, days)

    async def request(self, *purposes: str, revision: int = 1) -> str:
        """Ask for a revision with these buckets; return the run."""
        machine = MachineRequest(
            application="hello", cpus=1, memory_mib=256, disk_gib=4, http_port=80
        )
        buckets = (BucketRequest(application="hello", purpose=it) for it in purposes)
        event = DeploymentRequested(
            deployment=self.deployment,
            run=ids.new_id(),
            revision=revision,
            operator=ids.new_id(),
            domain="garden.example",
            applications=(),
            resources=(machine, *buckets),
        )
        async with self.database.transaction() as tx:
            for said in await self.storage.on_deployment_requested(event, tx) or ():
                await tx.execute(
                    """insert into outbox (id, subject, type, run, payload)
                    values ($1, $2, $3, $4, $5)""",
                    ids.new_id(),
                    said.subject("storage"),
                    said.event_type(),
                    event.run,
                    said.model_dump_json().encode(),
                )
        return event.run

    async def remove(self) -> str:
        """Ask for the removal; return the run."""
        event = DeploymentRemovalRequested(
            deployment=self.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        async with self.database.transaction() as tx:
            await self.storage.on_removal_requested(event, tx)
        return event.run

    async def said(self, run: str) -> list[Event]:
        """Return what storage announced in a run."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select type, payload from outbox where run = $1 order by position", run
            )
        kinds = [(registry.find(row["type"]), row["payload"]) for row in rows]
        return [kind.model_validate_json(payload) for kind, payload in kinds if kind]

    async def answer(self, run: str, kind: type[E]) -> E:
        """Return the one answer to a run, which must be of this kind."""

        async def answered() -> bool:
            return bool(await self.said(run))

        await eventually(answered, within=10)
        [event] = await self.said(run)
        assert isinstance(event, kind), event
        return event

    async def states(self) -> dict[str, str]:
        """Return the state of each bucket that storage knows of, by purpose."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select purpose, state from buckets where deployment = $1", self.deployment
            )
        return {row["purpose"]: row["state"] for row in rows}

    def name(self, purpose: str) -> str:
        return ids.bucket_name(self.deployment, "hello", purpose)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Do storage's jobs and watches for the length of a block."""

        async def publish(progress: Progress) -> None:
            self.reports.append(progress)

        worker = jobs.Worker(
            service="storage",
            database=self.database,
            kinds={it.name: it for it in self.storage.kinds()},
            publish=publish,
            settings=RuntimeSettings(lease_seconds=0.6),
        )
        watchers = [jobs.Watcher(database=self.database, watch=it) for it in self.storage.watches()]
        tasks = [asyncio.create_task(it) for it in (worker.work(), *(w.run() for w in watchers))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def a_store(store: FakeObjectStore, days: int = 0) -> Store:
    return Store(
        administration=store,
        endpoint="http://store.example",
        region="us-east-1",
        retention_days=days,
    )


@pytest.fixture
async def database(postgres: Access) -> AsyncIterator[databases.Database]:
    settings = PostgresSettings(
        host=postgres.host, port=postgres.port, database=postgres.database, user=postgres.user
    )
    schemas = ("shared", "services.storage")
    async with databases.connect(settings, postgres.password, schemas=schemas) as found:
        yield found


@pytest.fixture
def quiet(database: databases.Database) -> Rig:
    """Return storage whose jobs wait until `working`."""
    store = FakeObjectStore()
    return Rig(database=database, store=store, offered={"local": a_store(store)})


@pytest.fixture
async def rig(quiet: Rig) -> AsyncIterator[Rig]:
    """Yield storage at work."""
    async with quiet.working():
        yield quiet
