"""What is written: posts with their pictures, drafts, and the avatar."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import followers
import forms
from configuration import COLUMN, Refusal, UnreadableError
from store import PICTURES, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import asyncpg
    from configuration import Configuration, Secrets
    from documents import Document
    from store import Bucket

NAME = re.compile(r"[0-9a-f]{16}")
AVATAR_LIMIT = 2 << 20
MOST_AVATARS = 8
"""The last ones: while rows are copied, and then files, the avatar may change."""
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


@dataclass
class Blog:
    """Everything that is kept."""

    it: Configuration
    pool: asyncpg.Pool
    bucket: Bucket
    keys: Secrets

    async def page(self, before: str | None, count: int) -> Sequence[Document]:
        """Return the newest posts, or those before one."""
        if before is not None and not NAME.fullmatch(before):
            return []
        return [dict(row) for row in await self.pool.fetch(PAGE, before, count)]

    async def find(self, post: str | None) -> Document | None:
        """Return a post, if there is one of this name."""
        query = f"select {COLUMNS} from posts where id = $1"  # noqa: S608 - our own columns
        row = await self.pool.fetchrow(query, post)
        return dict(row) if row else None

    async def counts(self) -> dict[str, int]:
        """Return how much there is of everything."""
        return dict(await self.pool.fetchrow(COUNTS))

    async def publish(self, text: str, picture: bytes = b"", alt: str = "") -> Document:
        """Publish a text with a picture, or none, and its description; tell every follower."""
        key = url = kind = None
        if picture:
            ending = forms.sniffed(picture, self.it.picture_limit)
            key, kind = f"{PICTURES}{secrets.token_hex(16)}.{ending}", forms.KINDS[ending]
            url = f"{self.it.media_url}/{key}"
            await self._sweep()
            # Whatever happens from here on, the next picture's sweep knows about this one.
            await self.pool.execute("insert into uploads (key) values ($1)", key)
            await self.bucket.put(key, picture, kind)
        async with self.pool.acquire() as connection, connection.transaction():
            query = "delete from uploads where key = $1"
            if key and await connection.execute(query, key) != "DELETE 1":
                raise StoreError("the picture took too long and was swept away; send it again")
            return await _insert(connection, text, alt, url, kind)

    async def _sweep(self) -> None:
        """Remove pictures from the bucket that were to belong to a post, and do not."""
        query = "select key from uploads where begun_at < now() - make_interval(secs => $1)"
        for row in await self.pool.fetch(query, UPLOAD_SECONDS):
            await self.bucket.remove(row["key"])
            await self.pool.execute("delete from uploads where key = $1", row["key"])

    async def save_draft(self, text: str) -> Document:
        """Keep a text that only the administrator reads."""
        if COLUMN in await self.keys.strangers(self.pool):
            # Drafts of two keys in one column could never be told apart again.
            raise UnreadableError("the column-key does not belong to these drafts; restore it")
        if len(await self.drafts()) >= MOST_DRAFTS:
            raise Refusal(f"there are {MOST_DRAFTS} drafts already")
        draft = secrets.token_hex(8)
        sealed = self.keys.seal(text, f"draft {draft}")
        await self.pool.execute("insert into drafts (id, sealed) values ($1, $2)", draft, sealed)
        return {"id": draft, "text": text}

    async def drafts(self) -> Sequence[Document]:
        """Return all drafts, the newest first, when they were sealed with this key."""
        rows = await self.pool.fetch("select id, sealed from drafts order by created_at desc, id")
        return [{"id": it["id"], "text": self._opened(it["id"], it["sealed"])} for it in rows]

    async def publish_draft(self, draft: str) -> Document | None:
        """Publish a draft, which is none any more then; None: there is none."""
        query = "delete from drafts where id = $1 returning sealed"
        async with self.pool.acquire() as connection, connection.transaction():
            sealed = await connection.fetchval(query, draft)
            if sealed is None:
                return None
            return await _insert(connection, self._opened(draft, sealed), "", None, None)

    def _opened(self, draft: str, sealed: bytes) -> str:
        return self.keys.open(sealed, f"draft {draft}")

    async def avatar(self) -> str | None:
        """Return the name of the avatar's file."""
        name: str | None = await self.pool.fetchval("select avatar from profile")
        return name

    async def change_avatar(self, picture: bytes) -> str:
        """Put another avatar in the place of the one there is."""
        ending = forms.sniffed(picture, AVATAR_LIMIT)
        name = f"{hashlib.sha256(picture).hexdigest()[:32]}.{ending}"
        await asyncio.to_thread(_write, self.it.avatars / name, picture)
        await self.pool.execute("update profile set avatar = $1", name)
        return name


async def _insert(
    connection: asyncpg.Connection, text: str, alt: str, url: str | None, kind: str | None
) -> Document:
    name = secrets.token_hex(8)
    row = await connection.fetchrow(PUBLISH, name, text, alt, url, kind)
    await followers.tell_all(connection, name)
    return dict(row)


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or not at all, and let the oldest ones go."""
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
    for it in sorted(path.parent.iterdir(), key=lambda it: it.stat().st_mtime)[:-MOST_AVATARS]:
        it.unlink(missing_ok=True)
