"""A real bus with its accounts, streams and consumers, on a port of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats
from pydantic import SecretStr

from shared import clock, ids
from shared.bus import accounts, administration, connection, keys, streams
from shared.contracts import envelope as envelopes
from shared.embedded.ports import free
from shared.embedded.servers.nats import NatsServer
from shared.settings import NatsSettings
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from nats.aio.client import Client

    from shared.bus.connection import Connection
    from shared.contracts.messages import Event

SERVICES = tuple(it.name for it in streams.SERVICES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    server: NatsServer
    seeds: dict[str, SecretStr]

    @property
    def url(self) -> str:
        return self.server.url

    def connect(self, service: str) -> AbstractAsyncContextManager[Connection]:
        return connection.connect(NatsSettings(url=self.url), self.seeds[service], service)

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[Client]:
        seed = self.seeds[accounts.ADMINISTRATOR].get_secret_value()
        client = await nats.connect(self.url, nkeys_seed_str=seed)
        try:
            yield client
        finally:
            await client.close()

    async def stored(self, stream: str = streams.EVENTS) -> list[str]:
        """Return the subject of every message in a stream."""
        async with self.administrator() as client:
            stream_context = client.jetstream()
            info = await stream_context.stream_info(stream)
            numbers = range(max(1, info.state.first_seq), info.state.last_seq + 1)
            found = [await stream_context.get_msg(stream, number) for number in numbers]
        return [str(it.subject) for it in found]


def server(bus_keys: dict[str, str], port: int, store: str) -> accounts.Server:
    return accounts.Server(listen=f"127.0.0.1:{port}", store=store, keys=bus_keys)


@asynccontextmanager
async def running_bus(
    *, change: Callable[[dict[str, accounts.Json]], None] | None = None, is_applied: bool = True
) -> AsyncIterator[Bus]:
    """Run a bus for the length of a block, with a configuration that may be changed first."""
    pairs = {name: keys.new_seed() for name in (accounts.ADMINISTRATOR, *SERVICES)}
    seeds = {name: SecretStr(seed) for name, (_, seed) in pairs.items()}
    publics = {name: public for name, (public, _) in pairs.items()}
    async with AsyncExitStack() as stack:
        path = stack.enter_context(throwaway_directory())
        port = free()
        config = accounts.configuration(server(publics, port, str(path / "store")))
        if change:
            change(config)
        running = NatsServer(
            path,
            port=port,
            configuration=accounts.written(config),
            seed=seeds[accounts.ADMINISTRATOR],
        )
        await running.start()
        stack.push_async_callback(running.kill)
        if is_applied:
            await administration.apply(running.url, seeds[accounts.ADMINISTRATOR])
        yield Bus(server=running, seeds=seeds)


def envelope_of(event: Event, service: str, *, message: str | None = None) -> envelopes.Envelope:
    """Return the envelope under which a service states an event."""
    return envelopes.Envelope(
        id=message or ids.new_id(),
        service=service,
        type=event.event_type(),
        time=clock.system.now().isoformat(),
        deployment=event.deployment,
        run=event.run_id,
    )
