"""The blog's database: a few connections through its socket, and the changes of its schema."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from configuration import Configuration

CHANGES = sorted((Path(__file__).parent / "schema").glob("*.sql"))
SECONDS = 10.0
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What is raised when the database cannot be asked at the moment."""


class SchemaError(Exception):
    """The data was written by a newer version of the blog."""


async def connected(configuration: Configuration) -> asyncpg.Connection:
    """Return one connection, for a command."""
    return await asyncpg.connect(**_address(configuration))


@asynccontextmanager
async def opened(configuration: Configuration) -> AsyncIterator[asyncpg.Pool]:
    """Yield connections that are made when they are needed, also after the database was away."""
    pool = await asyncpg.create_pool(**_address(configuration), min_size=0, max_size=8)
    try:
        yield pool
    finally:
        pool.terminate()


def _address(configuration: Configuration) -> dict[str, object]:
    return {
        "host": str(configuration.state / "run"),
        "user": "app-microblog",
        "database": "microblog",
        "timeout": SECONDS,
        "command_timeout": SECONDS,
    }


async def change_schema(connection: asyncpg.Connection) -> None:
    """Bring the schema up to what this version needs, wholly or not at all.

    Raises:
        SchemaError: the data is newer than this version.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(1)")
        await connection.execute(
            "create table if not exists schema_changes (number int primary key, name text not null,"
            " applied_at timestamptz not null default now())"
        )
        for number in range(await schema_number(connection) + 1, len(CHANGES) + 1):
            change = CHANGES[number - 1]
            await connection.execute(change.read_text(encoding="utf-8"))
            await connection.execute(
                "insert into schema_changes (number, name) values ($1, $2)", number, change.name
            )


async def schema_number(connection: asyncpg.Connection) -> int:
    """Return how many changes the data has seen.

    Raises:
        SchemaError: more than this version knows.
    """
    query = "select coalesce(max(number), 0) from schema_changes"
    number = int(await connection.fetchval(query))
    if number > len(CHANGES):
        raise SchemaError(
            f"the data has schema {number}, this version knows {len(CHANGES)}; "
            "deploy the version that wrote it, or a newer one"
        )
    return number
