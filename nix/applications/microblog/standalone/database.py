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
"""What is raised when the database, or a folder, cannot be used at the moment."""


class SchemaError(Exception):
    """The data was written by a newer version of the blog."""


@asynccontextmanager
async def opened(it: Configuration) -> AsyncIterator[asyncpg.Pool]:
    """Yield connections that are made when they are needed, also after the database was away."""
    place = {"host": str(it.state / "run"), "user": "app-microblog", "database": "microblog"}
    patience = {"timeout": SECONDS, "command_timeout": SECONDS}
    pool = await asyncpg.create_pool(**place, **patience, min_size=0, max_size=8)
    try:
        yield pool
    finally:
        pool.terminate()


async def change_schema(connection: asyncpg.Connection) -> None:
    """Bring the schema up to what this version needs, wholly or not at all."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(1)")
        await connection.execute(
            "create table if not exists schema_changes (number int primary key, name text not null)"
        )
        done = await connection.fetchval("select coalesce(max(number), 0) from schema_changes")
        if done > len(CHANGES):
            raise SchemaError(
                f"the data has schema {done}, this version knows {len(CHANGES)}; "
                "deploy the version that wrote it, or a newer one"
            )
        for number, change in enumerate(CHANGES[done:], done + 1):
            await connection.execute(change.read_text(encoding="utf-8"))
            query = "insert into schema_changes (number, name) values ($1, $2)"
            await connection.execute(query, number, change.name)
