"""What is written: posts with their pictures, drafts, and the avatar."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import deliveries
import forms
from keys import COLUMN, UnreadableError
from store import PICTURES, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import asyncpg
    from configuration import Configuration
    from documents import Document
    from keys import Secrets
    from store import Bucket

NAME = re.compile(r"[0-9a-f]{16}")
AVATAR_LIMIT = 2 << 20
AVATAR_KEPT_SECONDS = 86400.0
"""After another took its place: a copy of rows, and then of files, may be under way."""
UPLOAD_SECONDS = 900.0
"""After which nothing writes a picture any more that was begun."""
MOST_DRAFTS = 200
MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
COLUMNS = f"""
    id, text, alt, picture, picture_type,
    to_char(published_at at time zone 'UTC', '{MOMENT}') as published
"""
PAGE = f"""
    select {COLUMNS} from posts
    where $1::text is null or (published_at, id) < (
        select before.published_at, before.id from posts as before where before.id = $1
    )
    order by published_at desc, id desc limit $2
"""  # noqa: S608 - our own columns
PUBLISH = f"""
    insert into posts (id, text, alt, picture, picture_type) values ($1, $2, $3, $4, $5)
    returning {COLUMNS}
"""  # noqa: S608 - our own columns
COUNTS = """
    select (select count(*) from posts) as posts, (select count(*) from drafts) as drafts,
    (select count(*) from followers) as followers,
    (select count(*) from deliveries) as pending_deliveries
"""


class Blog:
    """Everything that is kept."""

    def __init__(
        self, it: Configuration, pool: asyncpg.Pool, bucket: Bucket, keys: Secrets
    ) -> None:
        self._it = it
        self._pool = pool
        self._bucket = bucket
        self._keys = keys

    async def page(self, before: str | None, count: int) -> Sequence[Document]:
        """Return the newest posts, or those before one."""
        if before is not None and not NAME.fullmatch(before):
            return []
        return [dict(row) for row in await self._pool.fetch(PAGE, before, count)]

    async def find(self, post: str | None) -> Document | None:
        """Return a post, if there is one of this name."""
        query = f"select {COLUMNS} from posts where id = $1"  # noqa: S608 - our own columns
        row = await self._pool.fetchrow(query, post)
        return dict(row) if row else None

    async def counts(self) -> dict[str, int]:
        """Return how much there is of everything."""
        return dict(await self._pool.fetchrow(COUNTS))

    async def strangers(self) -> Sequence[str]:
        """Return the names of the keys that do not belong to the data."""
        return await self._keys.strangers(self._pool)

    async def publish(self, text: str, picture: bytes = b"", alt: str = "") -> Document:
        """Publish a text with a picture, or none, and its description; tell every follower."""
        key = url = kind = None
        if picture:
            ending = forms.sniffed(picture, self._it.picture_limit)
            key, kind = f"{PICTURES}{secrets.token_hex(16)}.{ending}", forms.KINDS[ending]
            url = f"{self._it.media_url}/{key}"
            # Whatever happens from here on, somebody knows about the picture.
            await self._pool.execute("insert into uploads (key) values ($1)", key)
            await self._bucket.put(key, picture, kind)
        async with self._pool.acquire() as connection, connection.transaction():
            done = await connection.execute("delete from uploads where key = $1", key)
            if key and done != "DELETE 1":
                raise StoreError("the picture took too long and was swept away; send it again")
            return await _insert(connection, text, alt, url, kind)

    async def sweep(self) -> None:
        """Remove pictures from the bucket that were to belong to a post, and do not."""
        query = "select key from uploads where begun_at < now() - make_interval(secs => $1)"
        for row in await self._pool.fetch(query, UPLOAD_SECONDS):
            await self._bucket.remove(row["key"])
            await self._pool.execute("delete from uploads where key = $1", row["key"])

    async def save_draft(self, text: str) -> Document:
        """Keep a text that only the administrator reads."""
        if COLUMN in await self.strangers():
            # Drafts of two keys in one column could never be told apart again.
            raise UnreadableError("the column-key does not belong to these drafts; restore it")
        if len(await self.drafts()) >= MOST_DRAFTS:
            raise forms.RefusedError(f"there are {MOST_DRAFTS} drafts already")
        draft = secrets.token_hex(8)
        sealed = self._keys.column.seal(text, f"draft {draft}")
        await self._pool.execute("insert into drafts (id, sealed) values ($1, $2)", draft, sealed)
        return {"id": draft, "text": text}

    async def drafts(self) -> Sequence[Document]:
        """Return all drafts, the newest first, when they were sealed with this key."""
        rows = await self._pool.fetch("select id, sealed from drafts order by created_at desc, id")
        return [{"id": it["id"], "text": self._opened(it["id"], it["sealed"])} for it in rows]

    async def publish_draft(self, draft: str) -> Document | None:
        """Publish a draft, which is none any more then; None: there is none."""
        query = "delete from drafts where id = $1 returning sealed"
        async with self._pool.acquire() as connection, connection.transaction():
            sealed = await connection.fetchval(query, draft)
            if sealed is None:
                return None
            return await _insert(connection, self._opened(draft, sealed), "", None, None)

    def _opened(self, draft: str, sealed: bytes) -> str:
        return self._keys.column.open(sealed, f"draft {draft}")

    async def avatar(self) -> str | None:
        """Return the name of the avatar's file."""
        name: str | None = await self._pool.fetchval("select avatar from profile")
        return name

    async def change_avatar(self, picture: bytes) -> str:
        """Put another avatar in the place of the one there is."""
        ending = forms.sniffed(picture, AVATAR_LIMIT)
        name = f"{hashlib.sha256(picture).hexdigest()[:32]}.{ending}"
        await asyncio.to_thread(_write, self._it.avatars / name, picture)
        async with self._pool.acquire() as connection, connection.transaction():
            old = await connection.fetchval("select avatar from profile for update")
            await connection.execute("update profile set avatar = $1", name)
            await asyncio.to_thread(_tidy, self._it.avatars, name, old)
        return name


async def _insert(
    connection: asyncpg.Connection, text: str, alt: str, url: str | None, kind: str | None
) -> Document:
    name = secrets.token_hex(8)
    row = await connection.fetchrow(PUBLISH, name, text, alt, url, kind)
    await deliveries.tell_all(connection, name)
    return dict(row)


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or not at all."""
    half = path.with_suffix(".half")
    with half.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    # Without this the name may be gone after a power cut, while the database knows it.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _tidy(folder: Path, new: str, old: str | None) -> None:
    """Remove avatars that have not been in use for long; an old one is in use until now."""
    for it in folder.iterdir():
        with suppress(FileNotFoundError):
            if it.name == old:
                os.utime(it)
            elif it.name != new and time.time() - it.stat().st_mtime > AVATAR_KEPT_SECONDS:
                it.unlink()
