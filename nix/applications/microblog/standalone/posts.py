"""What is written: posts with their pictures, drafts, and the avatar."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import forms
from configuration import log
from store import PICTURES, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import asyncpg
    from configuration import Configuration
    from deliveries import Queue
    from documents import Documents
    from keys import ColumnKey
    from store import Bucket

NAME = re.compile(r"[0-9a-f]{16}")
AVATAR_LIMIT = 2 << 20
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
    insert into posts (id, text, alt, picture_url, picture_key, picture_type)
    values ($1, $2, $3, $4, $5, $6) returning {COLUMNS}
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

    async def publish(
        self, draft: tuple[str, bytes, str], queue: Queue, documents: Documents
    ) -> Post:
        """Publish a text with a picture, or none, and its description; tell every follower.

        Raises:
            RefusedError: the picture is none.
            StoreError: it cannot be kept.
        """
        text, picture, alt = draft
        key = url = kind = None
        if picture:
            ending = forms.sniffed(picture, self._picture_limit)
            key, kind = f"{PICTURES}{secrets.token_hex(16)}.{ending}", forms.KINDS[ending]
            url = f"{self._media_url}/{key}"
            await self._bucket.put(key, picture, kind)
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                PUBLISH,
                *(secrets.token_hex(8), text, alt, url, key, kind),
            )
            await queue.tell_all(connection, documents.create(_post(row)))
        queue.nudge()
        return _post(row)

    async def remove(self, post: str, queue: Queue, documents: Documents) -> bool:
        """Remove a post and tell every follower; False: there is none."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "delete from posts where id = $1 returning id, picture_key", post
            )
            if row is None:
                return False
            await queue.tell_all(connection, documents.delete(post))
        queue.nudge()
        if row["picture_key"]:
            try:
                await self._bucket.remove(row["picture_key"])
            except StoreError as error:
                log(f"the picture {row['picture_key']} of a removed post is still there: {error}")
        return True

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
        name = f"{secrets.token_hex(16)}.{forms.sniffed(picture, AVATAR_LIMIT)}"
        await asyncio.to_thread(_write, self._avatars / name, picture)
        async with self._pool.acquire() as connection, connection.transaction():
            old = await connection.fetchval("select avatar from profile for update")
            await connection.execute("update profile set avatar = $1", name)
        if old:
            (self._avatars / old).unlink(missing_ok=True)
        return name

    async def counts(self) -> Counts:
        """Return how much there is of everything."""
        row = await self._pool.fetchrow(
            "select (select count(*) from posts) as posts, (select count(*) from drafts) as drafts,"
            " (select count(*) from followers) as followers,"
            " (select count(*) from deliveries) as pending_deliveries"
        )
        return Counts(**row)


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
