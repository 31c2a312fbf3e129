"""What is done around a copy of the state: `upkeep.py quiesce|restored CONFIGURATION`.

quiesce   lets what is due go out, for some seconds, and writes everything to the disk
restored  makes sure that a restored state is complete before the blog answers with it
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

import asyncpg
import database
from configuration import Configuration, ConfigurationError, load, log
from keys import Secrets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.5
SHORT_LIVED = ("sessions", "seen_signatures")


class IncompleteError(Exception):
    """Something of the state is missing."""


async def quiesce(connection: asyncpg.Connection, configuration: Configuration) -> None:
    """Let the deliveries end that are under way; what is left travels with the state."""
    query = "select exists (select from hosts where due_at <= now())"
    deadline = time.monotonic() + (PATIENCE_SECONDS if configuration.egress else 0)
    while await connection.fetchval(query) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process delivers
        await asyncio.sleep(POLL_SECONDS)
    for path in (configuration.state / "avatars").glob("*.half"):
        path.unlink(missing_ok=True)
    await connection.execute("checkpoint")


async def restored(connection: asyncpg.Connection, configuration: Configuration) -> None:
    """Forget what was good at the old place only, and check the rest.

    Raises:
        IncompleteError: something is missing.
    """
    await database.change_schema(connection)
    await connection.execute(f"truncate {', '.join(SHORT_LIVED)}")
    strangers = await Secrets(configuration).strangers(connection)
    if strangers:
        raise IncompleteError(f"{' and '.join(strangers)} do not belong to this data")
    avatar = await connection.fetchval("select avatar from profile")
    if avatar and not (configuration.state / "avatars" / avatar).is_file():
        raise IncompleteError(f"the avatar {avatar} was not restored")


VERBS: dict[str, Callable[[asyncpg.Connection, Configuration], Awaitable[None]]] = {
    "quiesce": quiesce,
    "restored": restored,
}


async def work(verb: str, path: str) -> None:
    """Do what the verb says."""
    configuration = load(path)
    connection = await database.connected(configuration)
    try:
        await VERBS[verb](connection, configuration)
    finally:
        await connection.close()


def main() -> None:
    """Do what the first argument says."""
    if len(sys.argv) != 3 or sys.argv[1] not in VERBS:  # noqa: PLR2004 - verb and configuration
        log("usage: upkeep.py quiesce|restored CONFIGURATION")
        sys.exit(2)
    try:
        asyncio.run(work(*sys.argv[1:]))
    except (
        IncompleteError,
        ConfigurationError,
        database.SchemaError,
        asyncpg.PostgresError,
        *database.AWAY,
    ) as error:
        log(f"{sys.argv[1]}: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
