"""A bus for each test, and as many databases as it has services."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests.support import messaging, rig
from tests.support.bus import Bus, running_bus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared import database as databases
    from shared.embedded.servers.postgres import PostgresServer


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with running_bus() as found:
        yield found


@pytest.fixture
async def new_database(
    postgres_server: PostgresServer,
) -> AsyncIterator[Callable[[], Awaitable[databases.Database]]]:
    """Yield what makes a database with the shared schema and a table for what handlers do."""
    names = []
    async with AsyncExitStack() as stack:

        async def new() -> databases.Database:
            name = f"test_{secrets.token_hex(6)}"
            names.append(name)
            access = await postgres_server.ensure_database(name, SecretStr(secrets.token_hex(8)))
            found = await stack.enter_async_context(rig.tables(access, "shared", connections=14))
            async with found.transaction() as tx:
                await tx.execute(messaging.EFFECTS)
            return found

        yield new
    for name in names:
        await postgres_server.drop_database(name)


@pytest.fixture
async def database(
    new_database: Callable[[], Awaitable[databases.Database]],
) -> databases.Database:
    return await new_database()
