"""What people do with the blog of the demo: write in it, follow it, look whether all is there.

Everything goes through public URLs, as a visitor's browser or another server would.
"""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shared import errors, http

from .checks import Check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import httpx2

    from .friend import Friend

TEXT: Final = "The first apples are ripe"
PATIENCE_SECONDS: Final = 120.0
AGAIN_SECONDS: Final = 0.2
DRAFT: Final = "Not for anybody yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was put into the blog, to be looked for later."""

    post: str
    picture_url: str
    picture: bytes
    avatar_url: str
    avatar: bytes
    actor_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blog:
    """A blog with its administrator signed in."""

    url: str
    user: str
    password: str
    authority: Path | None = None

    async def write(self, friend: Friend) -> tuple[Written, Sequence[Check]]:
        """Put something of every kind into the blog, and let a friend outside follow it."""
        picture, avatar = image(), image()
        async with self._client() as client:
            face = await _done(client.put("/api/avatar", content=avatar))
            await _done(client.post("/api/drafts", json={"text": DRAFT}))
            actor = (await _done(client.get("/actor"))).json()
            await friend.follow(actor["id"], authority=self.authority)
            accepted = await friend.letter("Accept", about=actor["id"])
            files = {"picture": ("apples.png", picture, "image/png")}
            answer = await _done(client.post("/api/posts", data={"text": TEXT}, files=files))
        post, key = answer.json(), str(actor["publicKey"]["publicKeyPem"])
        letter = await friend.letter("Create", about=TEXT)
        is_signed = letter is not None and letter.is_signed_by(key)
        written = Written(
            post=str(post["id"]),
            picture_url=str(post["picture"]),
            picture=picture,
            avatar_url=str(face.json()["url"]),
            avatar=avatar,
            actor_key=key,
        )
        return written, [
            Check("a server outside follows the blog", accepted is not None, friend.id),
            Check("it got the post, signed with the blog's key", is_signed, actor["id"]),
            *await self.look(written),
        ]

    async def look(self, written: Written) -> Sequence[Check]:
        """Look for everything that was written, as visitors and as the administrator."""
        async with self._client() as client:
            status = (await _done(client.get("/api/status"))).json()
            posts = (await _done(client.get("/api/posts"))).json()["posts"]
            actor = (await _done(client.get("/actor"))).json()
        async with http.client(authority=self.authority) as visitor:
            shown = await visitor.get(written.picture_url)
            face = await visitor.get(written.avatar_url)
        host = str(urlsplit(written.picture_url).hostname)
        counted = (
            f"{status['posts']} posts, {status['drafts']} drafts, {status['followers']} followers"
        )
        is_shown = shown.content == written.picture and host.startswith("media")
        return [
            Check("the post is there", written.post in [it["id"] for it in posts], counted),
            Check("its picture is at the media host", is_shown, host),
            Check("the avatar is there", face.content == written.avatar, f"{face.status_code}"),
            Check("the follower is known", status["followers"] == 1, counted),
            Check("the draft can be read", bool(status["drafts_readable"]), counted),
            Check(
                "the blog has the key that others know it by",
                actor["publicKey"]["publicKeyPem"] == written.actor_key,
                str(actor["id"]),
            ),
        ]

    async def is_lost(self, written: Written) -> Check:
        """Say whether nothing of what was written is there, once the blog answers again."""
        async with self._client() as client, asyncio.timeout(PATIENCE_SECONDS):
            while not (answer := await client.get("/api/status")).is_success:  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(AGAIN_SECONDS)
        status = answer.json()
        async with http.client(authority=self.authority) as visitor:
            answers = [await visitor.get(it) for it in (written.picture_url, written.avatar_url)]
        is_gone = not any(it.is_success for it in answers)
        counted = f"{status['posts']} posts, {status['followers']} followers"
        return Check("everything is lost", is_gone and not status["posts"], counted)

    def _client(self) -> httpx2.AsyncClient:
        client = http.client(base_url=self.url, authority=self.authority)
        client.auth = (self.user, self.password)
        return client


def image() -> bytes:
    """Return a small PNG of a random colour."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + os.urandom(3))
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


async def _done(request: Any) -> httpx2.Response:  # noqa: ANN401 - an awaitable of the client's
    response: httpx2.Response = await request
    if not response.is_success:
        raise errors.FaultError(
            "story.blog", f"{response.url} answered {response.status_code}: {response.text[:200]}"
        )
    return response
