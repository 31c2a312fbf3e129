"""The bus is killed and comes back: nothing is lost, and everybody goes on at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from shared import errors
from shared.bus import accounts, administration, outbox, publisher, pull
from shared.contracts.storage import StorageReady
from shared.embedded.servers import postgres
from tests.support import messaging, rig
from tests.support.bus import Bus, running_bus
from tests.support.eventually import eventually
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared.bus.connection import Connection
    from shared.bus.consumer import Routes
    from shared.database import Database, Transaction


class Listener:
    """Notes when each StorageReady was handled."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    async def on_storage_ready(self, event: StorageReady, tx: Transaction) -> None:
        await messaging.note(tx, event)
        self.moments.append(time.monotonic())

    def routes(self) -> Routes:
        return {StorageReady: self.on_storage_ready}


async def _write(database: Database, count: int) -> list[str]:
    written = []
    for _ in range(count):
        async with database.transaction() as tx:
            written.append(await outbox.add(tx, messaging.storage_ready(), service="storage"))
    return written


async def _held(database: Database) -> int:
    [count] = await messaging.rows(database, "select count(*) from outbox")
    return int(count)


@pytest.fixture(name="patient")
def nobody_waits_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only those hear again soon who do so because the bus is back."""
    monkeypatch.setattr(pull, "SILENCE_SECONDS", 60.0)


@pytest.mark.usefixtures("patient")
async def test_a_killed_bus_loses_nothing_and_everybody_resumes(
    bus: Bus, database: Database, new_database: Callable[[], Awaitable[Database]]
) -> None:
    storages, listener = await new_database(), Listener()

    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        parts = (
            outbox.Relay(storage, storages).run(),
            *messaging.service(deployer, database, listener.routes()),
        )
        async with messaging.running(*parts):
            written = await _write(storages, 20)
            await eventually(lambda: listener.moments, within=10)
            await bus.server.kill()
            written += await _write(storages, 30)
            assert await _held(storages) >= 30
            handled_before = len(listener.moments)
            await bus.server.start()
            await eventually(lambda: len(listener.moments) > handled_before, within=30)
            await eventually(lambda: _is_handled(database, written), within=20)

    assert sorted(await messaging.effects(database)) == sorted(written)
    assert await _held(storages) == 0


async def _is_handled(database: Database, written: list[str]) -> bool:
    return set(written) <= set(await messaging.effects(database))


async def test_a_killed_database_loses_nothing_and_doubles_nothing(bus: Bus) -> None:
    listener = Listener()
    with throwaway_directory() as path:
        cache = Path(tempfile.gettempdir()) / f"fediversity-programs-{os.getuid()}"
        password = SecretStr(secrets.token_hex(8))
        async with (
            postgres.running(path, password=password, cache=cache) as server,
            _database(server) as database,
            bus.connect("storage") as storage,
            bus.connect("deployer") as deployer,
            messaging.running(*messaging.service(deployer, database, listener.routes())),
        ):
            published = await _publish(storage, 100)
            await eventually(lambda: listener.moments, within=10)
            await server.kill()
            published += await _publish(storage, 20)
            await server.start()
            await eventually(lambda: _is_handled(database, published), within=20)
            handled = await messaging.effects(database)
            letters = await messaging.rows(database, "select id from dead_letters")

    assert sorted(handled) == sorted(published)
    assert not letters


@contextlib.asynccontextmanager
async def _database(server: postgres.PostgresServer) -> AsyncIterator[Database]:
    access = await server.ensure_database("outage", SecretStr(secrets.token_hex(8)))
    async with rig.tables(access, "shared") as found:
        async with found.transaction() as tx:
            await tx.execute(messaging.EFFECTS)
        yield found


async def _publish(connection: Connection, count: int) -> list[str]:
    return [await messaging.publish(connection, messaging.storage_ready()) for _ in range(count)]


@pytest.mark.usefixtures("patient")
async def test_an_idle_consumer_hears_at_once_after_a_restart(bus: Bus, database: Database) -> None:
    listener = Listener()

    async with (
        bus.connect("storage") as storage,
        bus.connect("deployer") as deployer,
        messaging.running(*messaging.service(deployer, database, listener.routes())),
    ):
        await bus.server.restart()
        await eventually(lambda: storage.is_connected and deployer.is_connected, within=10)
        await messaging.publish(storage, messaging.storage_ready())
        await eventually(lambda: listener.moments, within=30)


async def test_a_service_waits_for_a_bus_that_is_not_there_yet(
    bus: Bus, database: Database
) -> None:
    listener = Listener()
    await bus.server.kill()

    async def live() -> None:
        async with bus.connect("deployer") as deployer:
            parts = messaging.service(deployer, database, listener.routes())
            await asyncio.gather(*parts)

    async with messaging.running(live()):
        await asyncio.sleep(0.2)
        await bus.server.start()
        async with bus.connect("storage") as storage:
            await messaging.publish(storage, messaging.storage_ready())
        await eventually(lambda: listener.moments, within=10)


async def test_a_consumer_that_is_created_later_is_found(database: Database) -> None:
    listener = Listener()

    async with (
        running_bus(is_applied=False) as bus,
        bus.connect("storage") as storage,
        bus.connect("deployer") as deployer,
        messaging.running(*messaging.service(deployer, database, listener.routes())),
    ):
        with pytest.raises(errors.UnavailableError):
            await deployer.check()
        for _ in range(2):
            await administration.apply(bus.url, bus.seeds[accounts.ADMINISTRATOR])
        await deployer.check()
        await messaging.publish(storage, messaging.storage_ready())
        await eventually(lambda: listener.moments, within=10)


async def test_a_question_to_a_bus_that_dies_fails_at_once(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "ACK_SECONDS", 60.0)
    async with bus.connect("storage") as storage:
        # Nobody answers: a stopped process keeps its sockets open.
        assert bus.server.child.identity
        os.kill(bus.server.child.identity.pid, signal.SIGSTOP)
        started = time.monotonic()
        question = asyncio.ensure_future(messaging.publish(storage, messaging.storage_ready()))
        await asyncio.sleep(0.1)
        await bus.server.kill()
        with pytest.raises(errors.UnavailableError):
            await question

        assert time.monotonic() - started < 30
        with pytest.raises(errors.UnavailableError, match="away"):
            await messaging.publish(storage, messaging.storage_ready())


async def test_a_connection_that_is_closed_for_good_ends_the_service(
    bus: Bus, database: Database
) -> None:
    async with bus.connect("deployer") as deployer:
        serving = asyncio.gather(*messaging.service(deployer, database, {}))
        await asyncio.sleep(0.1)
        # As the library does after an error of the protocol.
        await deployer.client.close()
        with pytest.raises(ExceptionGroup) as raised:
            await serving

    assert raised.group_contains(errors.FaultError, match=r"bus\.closed")
