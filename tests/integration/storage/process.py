"""The storage service as a process, and everything it needs, for the length of a test."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from services.storage.domain.buckets import NewKey
from shared import ids, sealing
from shared.contracts.deployments import BucketRequest
from shared.contracts.panel import DeploymentRequested
from shared.embedded import parts
from tests.support import s3
from tests.support.bus import running_bus
from tests.support.messaging import publish
from tests.support.processes import E, ServiceWorld, prepared, provider, write_secrets
from tests.support.rig import tables
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.bus.connection import Connection
    from shared.contracts.deployments import GrantedBucket
    from shared.contracts.messages import RunEvent
    from shared.embedded.servers.postgres import Access as DatabaseAccess
    from shared.embedded.servers.seaweedfs import Access


@dataclass(kw_only=True)
class World(ServiceWorld):
    """A running storage service, seen from the bus as panel and deployer see it."""

    deployer: sealing.Unsealer
    deployers_bus: Connection
    store: Access

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

    async def ask(self, event: RunEvent, kind: type[E]) -> E:
        """State what panel or deployer says; return the answer, which must be of this kind."""
        await publish(self.panel if event.owner == "panel" else self.deployers_bus, event)
        return await self.answer(event.run, kind)

    def holder(self, granted: GrantedBucket) -> s3.S3Holder:
        """Return a machine that was given this key."""
        secret = SecretStr(self.deployer.unseal(granted.sealed_secret_key))
        return s3.S3Holder(self.store, NewKey(id=granted.access_key_id, secret=secret))

    async def in_the_store(self) -> tuple[list[str], dict[str, list[str]]]:
        """Return buckets and keys of the deployment, as the store's administrator sees them."""
        prefix = f"fdv-{self.deployment}"
        buckets = [it for it in await s3.list_buckets(self.store) if it.startswith(prefix)]
        users = await s3.list_keys(self.store)
        return buckets, {name: keys for name, keys in users.items() if name.startswith(prefix)}


@asynccontextmanager
async def running_storage(store: Access, database: DatabaseAccess) -> AsyncIterator[World]:
    """Run the service with a bus of its own."""
    identity, recipient = sealing.new_identity()
    configuration = provider(
        store=store.endpoint, region=store.region, access_key_id=store.access_key_id
    )
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(running_bus())
        directory = stack.enter_context(throwaway_directory())
        process = prepared("storage", directory, bus, database, configuration)
        process.set("RECIPIENTS", json.dumps({"deployer": recipient}))
        write_secrets(directory, store_secret=store.secret_access_key.get_secret_value())
        await stack.enter_async_context(parts.running(process))
        yield World(
            process=process,
            bus=bus,
            panel=await stack.enter_async_context(bus.connect("panel")),
            database=await stack.enter_async_context(tables(database)),
            deployer=sealing.Unsealer(identity),
            deployers_bus=await stack.enter_async_context(bus.connect("deployer")),
            store=store,
        )
