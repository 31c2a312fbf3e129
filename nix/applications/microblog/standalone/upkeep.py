"""Whether everything works that the blog depends on, and what is done around a copy of its state.

upkeep.py probe CONFIGURATION KEY...   whether these keys belong to the data
upkeep.py quiesce CONFIGURATION        let what is due go out, and write everything to the disk
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg
import database
from configuration import Configuration, ConfigurationError, Secrets, log

if TYPE_CHECKING:
    from store import Bucket

KEPT_SECONDS = 5.0
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.5


@dataclass
class Health:
    """What is wrong, in one line; asked often, so that answers are kept."""

    it: Configuration
    pool: asyncpg.Pool
    bucket: Bucket
    keys: Secrets
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: tuple[float, str | None] = (float("-inf"), None)
    is_ready: bool = False
    """Whether the schema is that of this version."""

    async def problem(self) -> str | None:
        """Return what is wrong; None: nothing."""
        async with self.turn:
            # What was away a moment ago, as while a machine starts, is worth another look sooner.
            kept = POLL_SECONDS if self.known[1] else KEPT_SECONDS
            if time.monotonic() - self.known[0] >= kept:
                problem = await self.start() or await self._look_at_files()
                self.known = (time.monotonic(), problem)
            return self.known[1]

    async def start(self) -> str | None:
        """Make the data usable for this version, as soon as it is there; return what is wrong."""
        try:
            async with self.pool.acquire() as connection:
                await database.change_schema(connection)
            if not self.is_ready:
                await self.keys.prove(self.pool)
            self.is_ready = True
            strangers = await self.keys.strangers(self.pool)
        except database.SchemaError as error:
            return f"schema: {error}"
        except database.AWAY as error:
            return f"database: cannot be asked ({type(error).__name__})"
        return f"secrets: {_not_ours(strangers)}" if strangers else None

    async def _look_at_files(self) -> str | None:
        try:
            await asyncio.to_thread((self.it.avatars / "probe.half").write_bytes, b"")
        except OSError as error:
            return f"avatars: {self.it.avatars} cannot be written: {error.strerror}"
        problem = await self.bucket.problem()
        return f"bucket: {problem}" if problem else None


async def probe(pool: asyncpg.Pool, it: Configuration, *names: str) -> str | None:
    """Return which of these keys do not belong to the data; None: all do."""
    wrong = [each for each in await Secrets(it).strangers(pool) if each in names]
    return _not_ours(wrong) if wrong else None


async def quiesce(pool: asyncpg.Pool, it: Configuration) -> str | None:
    """Let the deliveries end that are under way; what is left travels with the state."""
    query = "select exists (select from hosts where due_at <= now())"
    deadline = time.monotonic() + (PATIENCE_SECONDS if it.egress else 0)
    while await pool.fetchval(query) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process delivers
        await asyncio.sleep(POLL_SECONDS)
    await pool.execute("checkpoint")
    return None


def _not_ours(names: list[str]) -> str:
    return f"{' and '.join(names)} do not belong to this data; restore them"


VERBS = {"probe": probe, "quiesce": quiesce}


async def work(verb: str, path: str, *names: str) -> str | None:
    """Do what a verb says; return what is wrong."""
    configuration = Configuration(path)
    async with database.opened(configuration) as pool:
        return await VERBS[verb](pool, configuration, *names)


def main() -> None:
    """Do what the first argument says: 0 is well, 1 is not, and 2 is that nothing can be said."""
    try:
        problem, status = asyncio.run(work(*sys.argv[1:])), 1
    except (ConfigurationError, database.SchemaError, asyncpg.PostgresError, *database.AWAY) as it:
        problem, status = str(it), 2
    if problem:
        log(f"{sys.argv[1]}: {problem}")
        sys.exit(status)


if __name__ == "__main__":
    main()
