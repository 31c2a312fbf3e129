"""Storage on a real database with a store in memory: what it is told, does and says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from services.storage.adapters.postgres import PostgresBucketRepository
from services.storage.adapters.postgres_backups import PostgresBackupRepository
from services.storage.service import Storage, Store, Stores
from shared import ids, sealing
from shared.bus.dead_letters import DeadLetters
from shared.contracts.deployments import BucketRequest, MachineRequest
from shared.contracts.panel import DeadLetterDiscardRequested, DeploymentRequested
from tests.integration.storage.backups import backed_up, given
from tests.integration.storage.restores import CHANGED, World
from tests.support.fakes.object_copier import FakeObjectCopier
from tests.support.fakes.object_store import FakeObjectStore
from tests.support.rig import E, ServiceRig, tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from shared.contracts.messages import RunEvent
    from shared.database import Database
    from shared.embedded.servers.postgres import Access

IDENTITY, RECIPIENT = sealing.new_identity()


@dataclass(kw_only=True)
class Rig(ServiceRig):
    """One deployment's view of storage."""

    store: FakeObjectStore
    offered: dict[str, Store]
    copier: FakeObjectCopier

    @property
    @override
    def service(self) -> Storage:
        return Storage(
            database=self.database,
            buckets=PostgresBucketRepository(),
            backups=PostgresBackupRepository(),
            stores=Stores(self.offered),
            sealer=sealing.Sealer({"deployer": RECIPIENT}),
            leftovers_seconds=0.1,
        )

    def keep_for(self, days: int) -> None:
        self.offered["local"] = a_store(self.store, self.copier, days)

    async def request(
        self, *purposes: str, revision: int = 1, hosts: Mapping[str, str] | None = None
    ) -> str:
        """Ask for a revision with these buckets, some of them public; return the run."""
        machine = MachineRequest(
            application="hello", cpus=1, memory_mib=256, disk_gib=4, http_port=80
        )
        public = hosts or {}
        buckets = (
            BucketRequest(application="hello", purpose=it, public_host=public.get(it))
            for it in purposes
        )
        event = DeploymentRequested(
            deployment=self.deployment,
            run=ids.new_id(),
            revision=revision,
            operator=ids.new_id(),
            domain="garden.example",
            applications=(),
            resources=(machine, *buckets),
        )
        await self.tell(event)
        return event.run

    async def tell(self, event: RunEvent) -> None:
        """Let the service hear an event as its consumer does."""
        async with self.database.transaction() as tx:
            for said in await self.service.routes()[type(event)](event, tx) or ():
                await tx.execute(
                    """insert into outbox (id, subject, type, run, payload)
                    values ($1, $2, $3, $4, $5)""",
                    ids.new_id(),
                    said.subject("storage"),
                    said.event_type(),
                    event.run,
                    said.model_dump_json().encode(),
                )

    async def hear_discarded(self, asked: RunEvent) -> None:
        """Let the service hear that deployer could not read this, and the provider gave it up."""
        letters = DeadLetters("storage", self.database, self.service.routes())
        event = DeadLetterDiscardRequested(
            deployment=asked.deployment,
            service="deployer",
            dead_letter=ids.new_id(),
            run=asked.run,
        )
        async with self.database.transaction() as tx:
            assert not await letters.on_discard_requested(event, tx)

    async def ask(self, event: RunEvent, kind: type[E], *, number: int = 1) -> E:
        """Let the service hear an event; return its answer, which must be of this kind."""
        await self.tell(event)
        return await self.answer(event.run, kind, number=number)

    async def states(self) -> dict[str, str]:
        """Return the state of each bucket that storage knows of, by purpose."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "select purpose, state from buckets where deployment = $1", self.deployment
            )
        return {row["purpose"]: row["state"] for row in rows}

    def name(self, purpose: str) -> str:
        return ids.bucket_name(self.deployment, "hello", purpose)


def a_store(store: FakeObjectStore, copier: FakeObjectCopier, days: int = 0) -> Store:
    return Store(
        administration=store,
        objects=copier,
        endpoint="http://store.example",
        region="us-east-1",
        retention_days=days,
    )


@pytest.fixture
async def database(postgres: Access) -> AsyncIterator[Database]:
    async with tables(postgres, "shared", "services.storage") as found:
        yield found


@pytest.fixture
def quiet(database: Database) -> Rig:
    """Return storage whose jobs wait until `working`."""
    store = FakeObjectStore()
    copier = FakeObjectCopier(store)
    offered = {"local": a_store(store, copier)}
    return Rig(database=database, store=store, copier=copier, offered=offered)


@pytest.fixture
async def rig(quiet: Rig) -> AsyncIterator[Rig]:
    """Yield storage at work."""
    async with quiet.working():
        yield quiet


@pytest.fixture
async def world(rig: Rig) -> World:
    await given(rig)
    found = World(rig, await backed_up(rig))
    found.live.clear()
    found.live.update(CHANGED)
    return found
