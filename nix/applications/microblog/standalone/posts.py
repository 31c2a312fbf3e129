"""What is written: posts with their pictures, drafts, and the avatar."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import deliveries
import forms
from store import PICTURES, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import asyncpg
    from configuration import Configuration
    from keys import ColumnKey
    from store import Bucket

NAME = re.compile(r"[0-9a-f]{16}")
AVATAR_LIMIT = 2 << 20
AVATAR_KEPT_SECONDS = 86400.0
"""After another took its place: a copy of rows, and then of files, may be under way."""
UPLOAD_SECONDS = 900.0
"""After which nothing writes a picture any more that was begun."""
MOST_DRAFTS = 200
COLUMNS = "id, text, alt, picture_url, picture_type, published_at"
PAGE = f"""
    select {COLUMNS} from posts
    where $1::text is null or (published_at, id) < (
        select before.published_at, before.id from posts as before where before.id = $1
    )
    order by published_at desc, id desc limit $2
"""  # noqa: S608 - our own columns
PUBLISH = f"""
    insert into posts (id, text, alt, picture_url, picture_type)
    values ($1, $2, $3, $4, $5) returning {COLUMNS}
"""  # noqa: S608 - our own columns


@dataclass(frozen=True)
class Post:
    """Something that was published."""

    id: str
    text: str
    alt: str
    picture_url: str | None
    picture_type: str | None
    published: str


@dataclass(frozen=True)
class Draft:
    """Something that nobody else reads yet."""

    id: str
    text: str
    created: str


@dataclass(frozen=True)
class Counts:
    """How much there is of everything."""

    posts: int
    drafts: int
    followers: int
    pending_deliveries: int


class Blog:
    """Everything that is kept."""

    def __init__(
        self, configuration: Configuration, pool: asyncpg.Pool, bucket: Bucket, key: ColumnKey
    ) -> None:
        self._media_url = configuration.media_url
        self._picture_limit = configuration.picture_limit
        self._avatars: Path = configuration.state / "avatars"
        self._pool = pool
        self._bucket = bucket
        self._key = key

    async def page(self, before: str | None, count: int) -> Sequence[Post]:
        """Return the newest posts, or those before one."""
        if before is not None and not NAME.fullmatch(before):
            return []
        return [_post(row) for row in await self._pool.fetch(PAGE, before, count)]

    async def find(self, post: str) -> Post | None:
        """Return a post, if there is one of this name."""
        query = f"select {COLUMNS} from posts where id = $1"  # noqa: S608 - our own columns
        row = await self._pool.fetchrow(query, post)
        return _post(row) if row else None

    async def publish(self, text: str, picture: bytes = b"", alt: str = "") -> Post:
        """Publish a text with a picture, or none, and its description; tell every follower.

        Raises:
            RefusedError: the picture is none.
            StoreError: it cannot be kept.
        """
        key = url = kind = None
        if picture:
            ending = forms.sniffed(picture, self._picture_limit)
            key, kind = f"{PICTURES}{secrets.token_hex(16)}.{ending}", forms.KINDS[ending]
            url = f"{self._media_url}/{key}"
            # Whatever happens from here on, somebody knows about the picture.
            await self._pool.execute("insert into uploads (key) values ($1)", key)
            await self._bucket.put(key, picture, kind)
        async with self._pool.acquire() as connection, connection.transaction():
            if key:
                await _claim(connection, key)
            return await _insert(connection, text, alt, url, kind)

    async def publish_draft(self, draft: str) -> Post | None:
        """Publish a draft, which is none any more then; None: there is none.

        Raises:
            UnreadableError: it was sealed with another key.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            query = "delete from drafts where id = $1 returning sealed"
            sealed = await connection.fetchval(query, draft)
            if sealed is None:
                return None
            text = self._key.open(sealed, f"draft {draft}")
            return await _insert(connection, text, "", None, None)

    async def sweep(self) -> None:
        """Remove pictures from the bucket that were to belong to a post, and do not.

        Raises:
            StoreError: one is not known to have gone.
        """
        query = "select key from uploads where begun_at < now() - make_interval(secs => $1)"
        for row in await self._pool.fetch(query, UPLOAD_SECONDS):
            await self._bucket.remove(row["key"])
            await self._pool.execute("delete from uploads where key = $1", row["key"])

    async def save_draft(self, text: str) -> Draft:
        """Keep a text that only the administrator reads.

        Raises:
            RefusedError: there are too many drafts.
            UnreadableError: those that are there were sealed with another key.
        """
        # Drafts of two keys in one column could never be told apart again.
        await self.drafts()
        name = secrets.token_hex(8)
        row = await self._pool.fetchrow(
            "insert into drafts (id, sealed)"
            " select $1, $2 where (select count(*) from drafts) < $3 returning created_at",
            *(name, self._key.seal(text, f"draft {name}"), MOST_DRAFTS),
        )
        if row is None:
            raise forms.RefusedError(f"there are {MOST_DRAFTS} drafts already")
        return Draft(name, text, _moment(row["created_at"]))

    async def drafts(self) -> Sequence[Draft]:
        """Return all drafts, the newest first.

        Raises:
            UnreadableError: they were sealed with another key.
        """
        rows = await self._pool.fetch(
            "select id, sealed, created_at from drafts order by created_at desc, id"
        )
        return [
            Draft(
                row["id"],
                self._key.open(row["sealed"], f"draft {row['id']}"),
                _moment(row["created_at"]),
            )
            for row in rows
        ]

    async def drop_draft(self, draft: str) -> bool:
        """Remove a draft; False: there is none."""
        done = await self._pool.execute("delete from drafts where id = $1", draft)
        return str(done) == "DELETE 1"

    async def avatar(self) -> str | None:
        """Return the name of the avatar's file."""
        name = await self._pool.fetchval("select avatar from profile")
        return name if isinstance(name, str) else None

    async def avatar_content(self, name: str) -> bytes | None:
        """Return an avatar, as long as it is one."""
        try:
            return await asyncio.to_thread((self._avatars / name).read_bytes)
        except FileNotFoundError:
            return None

    async def change_avatar(self, picture: bytes) -> str:
        """Put another avatar in the place of the one there is.

        Raises:
            RefusedError: it is no picture.
        """
        ending = forms.sniffed(picture, AVATAR_LIMIT)
        name = f"{hashlib.sha256(picture).hexdigest()[:32]}.{ending}"
        await asyncio.to_thread(_write, self._avatars / name, picture)
        async with self._pool.acquire() as connection, connection.transaction():
            old = await connection.fetchval("select avatar from profile for update")
            await connection.execute("update profile set avatar = $1", name)
            await asyncio.to_thread(_tidy, self._avatars, name, old)
        return name

    async def counts(self) -> Counts:
        """Return how much there is of everything."""
        row = await self._pool.fetchrow(
            "select (select count(*) from posts) as posts, (select count(*) from drafts) as drafts,"
            " (select count(*) from followers) as followers,"
            " (select count(*) from deliveries) as pending_deliveries"
        )
        return Counts(**row)


async def _claim(connection: asyncpg.Connection, key: str) -> None:
    """Let an upload belong to the post that is made in this transaction."""
    if await connection.execute("delete from uploads where key = $1", key) != "DELETE 1":
        raise StoreError("the picture took too long and was swept away; send it again")


async def _insert(
    connection: asyncpg.Connection, text: str, alt: str, url: str | None, kind: str | None
) -> Post:
    name = secrets.token_hex(8)
    row = await connection.fetchrow(PUBLISH, name, text, alt, url, kind)
    await deliveries.tell_all(connection, name)
    return _post(row)


def _post(row: asyncpg.Record) -> Post:
    known = ("id", "text", "alt", "picture_url", "picture_type")
    return Post(**{name: row[name] for name in known}, published=_moment(row["published_at"]))


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


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
