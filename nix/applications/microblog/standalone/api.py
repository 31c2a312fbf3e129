"""What programs do with the administrator's password: the same as people, in JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import database
import forms
import keys
from aiohttp import web
from posts import AVATAR_LIMIT

if TYPE_CHECKING:
    from configuration import Configuration
    from deliveries import Queue
    from documents import Documents
    from health import Health
    from posts import Blog, Post
    from sessions import Doorman

MOST = 100


class Api:
    """The interface for programs; each request carries the password."""

    def __init__(
        self, configuration: Configuration, blog: Blog, doorman: Doorman, health: Health
    ) -> None:
        self._configuration = configuration
        self._blog = blog
        self._doorman = doorman
        self._health = health

    def routes(self, queue: Queue, documents: Documents) -> list[web.RouteDef]:
        """List what programs can ask for."""

        async def publish(request: web.Request) -> web.Response:
            """Publish a post."""
            given = await self._given(request)
            post = await self._blog.publish(*forms.draft(given))
            queue.nudge()
            return web.json_response(_described(post, documents), status=201)

        async def posts(request: web.Request) -> web.Response:
            """List the newest posts."""
            self._doorman.check_program(request)
            found = await self._blog.page(request.query.get("before"), MOST)
            return web.json_response({"posts": [_described(it, documents) for it in found]})

        return [
            web.post("/api/posts", publish),
            web.get("/api/posts", posts),
            web.post("/api/drafts", self.save_draft),
            web.get("/api/drafts", self.drafts),
            web.put("/api/avatar", self.change_avatar),
            web.get("/api/status", self.status),
        ]

    async def save_draft(self, request: web.Request) -> web.Response:
        """Keep a draft."""
        text = forms.text(await self._given(request), "text", forms.LONGEST_TEXT)
        if keys.COLUMN in await self._health.strangers():
            # Two keys in one column could never be told apart again.
            raise keys.UnreadableError("the column-key does not belong to these drafts; restore it")
        return web.json_response(dataclasses.asdict(await self._blog.save_draft(text)), status=201)

    async def drafts(self, request: web.Request) -> web.Response:
        """List the drafts."""
        self._doorman.check_program(request)
        found = await self._blog.drafts()
        return web.json_response({"drafts": [dataclasses.asdict(it) for it in found]})

    async def change_avatar(self, request: web.Request) -> web.Response:
        """Take the body of the request as the avatar."""
        self._doorman.check_program(request)
        name = await self._blog.change_avatar(await forms.body(request, AVATAR_LIMIT))
        return web.json_response({"url": f"{self._configuration.url}/avatars/{name}"})

    async def status(self, request: web.Request) -> web.Response:
        """Say how much there is of everything, and whether it can be read."""
        self._doorman.check_program(request)
        strangers = await self._health.strangers()
        return web.json_response(
            {
                **dataclasses.asdict(await self._blog.counts()),
                "drafts_readable": keys.COLUMN not in strangers,
                "actor_key_known": keys.ACTOR not in strangers,
                "version": self._configuration.version,
                "schema": len(database.CHANGES),
            }
        )

    async def _given(self, request: web.Request) -> dict[str, object]:
        self._doorman.check_program(request)
        limit = self._configuration.picture_limit + forms.SMALL
        content = await forms.body(request, limit, forms.UPLOAD_SECONDS)
        kind = request.headers.get("content-type", "")
        if kind.lower().startswith("application/json"):
            return forms.document(content)
        return {**forms.fields(kind, content)}


def _described(post: Post, documents: Documents) -> dict[str, str | None]:
    return {
        "id": post.id,
        "url": documents.post_id(post.id),
        "text": post.text,
        "alt": post.alt,
        "picture": post.picture_url,
        "published": post.published,
    }
