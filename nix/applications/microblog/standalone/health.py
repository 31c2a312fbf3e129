"""Whether everything works that the blog depends on; asked often, so that answers are kept."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import database
from store import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg
    from configuration import Configuration
    from keys import Secrets
    from store import Bucket

KEPT_SECONDS = 2.0
BUCKET_SECONDS = 10.0


class Health:
    """What is wrong, in one line."""

    def __init__(
        self, configuration: Configuration, pool: asyncpg.Pool, bucket: Bucket, secrets: Secrets
    ) -> None:
        self._avatars = configuration.state / "avatars"
        self._pool = pool
        self._bucket = bucket
        self._secrets = secrets
        self._turn = asyncio.Lock()
        self._known: tuple[float, str | None] = (0.0, None)
        self._bucket_was_good = 0.0
        self.is_ready = False
        """Whether the schema is that of this version."""

    async def problem(self) -> str | None:
        """Return what is wrong; None: nothing."""
        async with self._turn:
            now = time.monotonic()
            if not self._known[0] or now - self._known[0] > KEPT_SECONDS:
                self._known = (time.monotonic(), await self._look())
            return self._known[1]

    async def start(self) -> str | None:
        """Make the data usable for this version, as soon as it is there; return what is wrong."""
        try:
            async with self._pool.acquire() as connection:
                await database.change_schema(connection)
                await self._secrets.prove(connection)
        except database.SchemaError as error:
            return f"schema: {error}"
        except database.AWAY as error:
            return f"database: cannot be asked ({type(error).__name__})"
        self.is_ready = True
        return None

    async def strangers(self) -> list[str]:
        """Return the names of the secrets that do not belong to the data."""
        async with self._pool.acquire() as connection:
            await database.schema_number(connection)
            return await self._secrets.strangers(connection)

    async def _look(self) -> str | None:
        if not self.is_ready and (problem := await self.start()):
            return problem
        try:
            strangers = await self.strangers()
            if strangers:
                return f"secrets: {' and '.join(strangers)} do not belong to this data; restore"
        except database.SchemaError as error:
            return f"schema: {error}"
        except database.AWAY as error:
            return f"database: cannot be asked ({type(error).__name__})"
        return await self._look_at_files()

    async def _look_at_files(self) -> str | None:
        try:
            await asyncio.to_thread(_try_writing, self._avatars)
        except OSError as error:
            return f"avatars: {self._avatars} cannot be written: {error.strerror}"
        if time.monotonic() - self._bucket_was_good < BUCKET_SECONDS and self._bucket_was_good:
            return None
        try:
            await self._bucket.check()
        except StoreError as error:
            return f"bucket: {error}"
        self._bucket_was_good = time.monotonic()
        return None


def _try_writing(folder: Path) -> None:
    probe = folder / "probe.half"
    probe.write_bytes(b"")
    probe.unlink()
