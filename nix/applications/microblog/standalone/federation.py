"""What other servers can ask for: who the blog is, what it has said, and how many follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from browser import activity

if TYPE_CHECKING:
    from documents import Documents
    from inbox import Inbox
    from posts import Blog

NEWEST = 20


class Federation:
    """The blog as other servers see it."""

    def __init__(self, blog: Blog, documents: Documents, inbox: Inbox) -> None:
        self._blog = blog
        self._documents = documents
        self._inbox = inbox

    def routes(self) -> list[web.RouteDef]:
        """List what other servers can ask for."""
        return [
            web.get("/.well-known/webfinger", self.webfinger),
            web.get("/.well-known/nodeinfo", self.node_links),
            web.get("/nodeinfo/2.1", self.node),
            web.get("/actor", self.actor),
            web.get("/outbox", self.outbox),
            web.get("/followers", self.followers),
            web.post("/inbox", self._inbox.take),
        ]

    async def webfinger(self, request: web.Request) -> web.Response:
        """Say where an account is."""
        found = self._documents.account(request.query.get("resource", ""))
        if found is None:
            raise web.HTTPNotFound(text="There is no such account.\n")
        answer = web.json_response(found, content_type="application/jrd+json")
        answer.headers["access-control-allow-origin"] = "*"
        return answer

    async def node_links(self, _: web.Request) -> web.Response:
        """Say where NodeInfo is."""
        return web.json_response(self._documents.node_links())

    async def node(self, _: web.Request) -> web.Response:
        """Say what kind of server this is."""
        return web.json_response(self._documents.node((await self._blog.counts()).posts))

    async def actor(self, _: web.Request) -> web.Response:
        """Say who the blog is."""
        return activity(self._documents.actor(await self._blog.avatar()))

    async def outbox(self, _: web.Request) -> web.Response:
        """List the newest posts."""
        posts = await self._blog.page(None, NEWEST)
        return activity(self._documents.outbox(posts, (await self._blog.counts()).posts))

    async def followers(self, _: web.Request) -> web.Response:
        """Say how many follow."""
        return activity(self._documents.followers((await self._blog.counts()).followers))
