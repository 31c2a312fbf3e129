"""What people, programs and other servers see of the blog, and how its administrator writes in it.

A form in a browser and a program send the same requests to the same places, with the password in
each of them; only what they are answered with differs.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import documents
import forms
from aiohttp import web
from configuration import ACTOR, COLUMN, Refusal
from documents import ACTIVITY
from outside import KINDS
from posts import AVATAR_LIMIT
from store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from configuration import Configuration
    from documents import Document
    from followers import Queue
    from posts import Blog

    Handler = Callable[[web.Request], Awaitable[web.Response]]

LONGEST_TEXT, LONGEST_ALT = 5000, 1500
MOST = 100
MISSING = "There is nothing here.\n"


@dataclass
class Site:
    """Everything of the blog that can be asked for, but its inbox."""

    it: Configuration
    blog: Blog
    queue: Queue

    def routes(self) -> list[web.RouteDef]:
        """List what can be asked for, by everybody and by the administrator."""
        mine = self._for_administrator
        return [
            web.get("/", self._home),
            web.get("/posts/{id:[0-9a-f]{16}}", self._post),
            web.get("/style.css", self._style),
            web.get(r"/avatars/{name:[0-9a-f]{32}\.(png|jpg|gif|webp)}", self._avatar),
            web.get("/.well-known/webfinger", self._webfinger),
            web.get("/.well-known/nodeinfo", self._node),
            web.get("/nodeinfo/2.1", self._node),
            web.get("/actor", self._actor),
            web.get("/outbox", self._collection),
            web.get("/followers", self._collection),
            web.get("/write", mine(self._write)),
            web.get("/api/status", mine(self._status)),
            web.get("/api/posts", mine(self._posts)),
            web.post("/api/posts", mine(self._publish)),
            web.get("/api/drafts", mine(self._drafts)),
            web.post("/api/drafts", mine(self._save_draft)),
            web.put("/api/avatar", mine(self._change_avatar)),
            web.post("/api/avatar", mine(self._change_avatar)),
        ]

    async def _home(self, request: web.Request) -> web.Response:
        if _wants(request, *KINDS):
            return await self._actor(request)
        length = int(self.it.options["posts_per_page"])
        posts = await self.blog.page(request.query.get("before"), length)
        has_more = len(posts) == length
        return await self._page(documents.articles(self.it, posts, has_more=has_more))

    async def _post(self, request: web.Request) -> web.Response:
        post = await self.blog.find(request.match_info["id"])
        if post is None:
            raise web.HTTPNotFound(text=MISSING)
        if _wants(request, *KINDS):
            return _activity(documents.note(self.it, post))
        return await self._page(documents.articles(self.it, [post]))

    async def _style(self, _: web.Request) -> web.Response:
        return web.Response(text=documents.STYLE, content_type="text/css", charset="utf-8")

    async def _avatar(self, request: web.Request) -> web.Response:
        # The names that reach this cannot lead out of the folder.
        path = self.it.avatars / request.match_info["name"]
        try:
            content = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError as error:
            raise web.HTTPNotFound(text=MISSING) from error
        fields = {"content-type": forms.KINDS[path.suffix[1:]], "cache-control": FOREVER}
        return web.Response(body=content, headers=fields)

    async def _webfinger(self, request: web.Request) -> web.Response:
        found = documents.account(self.it, request.query.get("resource", ""))
        if found is None:
            raise web.HTTPNotFound(text="There is no such account.\n")
        fields = {"access-control-allow-origin": "*"}
        return web.json_response(found, content_type="application/jrd+json", headers=fields)

    async def _node(self, request: web.Request) -> web.Response:
        if request.path != "/nodeinfo/2.1":
            return web.json_response(documents.node_links(self.it))
        counts = await self.blog.counts()
        return web.json_response(documents.node(self.it, counts["posts"]))

    async def _actor(self, _: web.Request) -> web.Response:
        public = self.blog.keys.public_pem
        return _activity(documents.actor(self.it, public, await self.blog.avatar()))

    async def _collection(self, request: web.Request) -> web.Response:
        counts = await self.blog.counts()
        if request.path == "/followers":
            # Who they are is nobody's business.
            return _activity(documents.collection(self.it, "followers", counts["followers"]))
        posts = await self.blog.page(None, int(self.it.options["posts_per_page"]))
        return _activity(documents.outbox(self.it, posts, counts["posts"]))

    async def _write(self, _: web.Request) -> web.Response:
        return await self._page(documents.WRITE)

    async def _status(self, _: web.Request) -> web.Response:
        strangers = await self.blog.keys.strangers(self.blog.pool)
        readable = {"drafts_readable": COLUMN not in strangers}
        known = {"actor_key_known": ACTOR not in strangers, "version": self.it.version}
        return web.json_response(await self.blog.counts() | readable | known)

    async def _posts(self, request: web.Request) -> web.Response:
        posts = await self.blog.page(request.query.get("before"), MOST)
        return web.json_response({"posts": [self._with_url(it) for it in posts]})

    async def _publish(self, request: web.Request) -> web.Response:
        given = await self._given(request)
        if "draft" in given:
            post = await self.blog.publish_draft(forms.text(given, "draft", 16))
        else:
            picture = given.get("picture", b"")
            if not isinstance(picture, bytes):
                raise Refusal("send a picture in a form, as multipart/form-data")
            alt = forms.text(given, "alt", LONGEST_ALT, 0)
            text = forms.text(given, "text", LONGEST_TEXT)
            post = await self.blog.publish(text, picture, alt)
        if post is None:
            raise web.HTTPNotFound(text=MISSING)
        self.queue.news.set()
        return _done(request, self._with_url(post), 201)

    async def _drafts(self, _: web.Request) -> web.Response:
        return web.json_response({"drafts": await self.blog.drafts()})

    async def _save_draft(self, request: web.Request) -> web.Response:
        text = forms.text(await self._given(request), "text", LONGEST_TEXT)
        return _done(request, await self.blog.save_draft(text), 201)

    async def _change_avatar(self, request: web.Request) -> web.Response:
        """Take the picture of a form, or the whole body, as the avatar."""
        kind = request.headers.get("content-type", "")
        content = await forms.body(request, AVATAR_LIMIT + forms.SMALL, forms.UPLOAD_SECONDS)
        if kind.lower().startswith("multipart/"):
            found = forms.fields(kind, content).get("picture")
            content = found if isinstance(found, bytes) else b""
        name = await self.blog.change_avatar(content)
        return _done(request, {"url": f"{self.it.url}/avatars/{name}"}, 200)

    def _for_administrator(self, handler: Handler) -> Handler:
        """Let nobody else in, and nothing that another site made a browser send."""

        async def guarded(request: web.Request) -> web.Response:
            origin = request.headers.get("origin")
            site = request.headers.get("sec-fetch-site", "none")
            is_ours = origin in (None, self.it.url) and site in ("same-origin", "none")
            if request.method != "GET" and not is_ours:
                raise web.HTTPForbidden(text="Other sites' forms are not accepted here.\n")
            kind, _, given = request.headers.get("authorization", "").partition(" ")
            try:
                user, _, password = base64.b64decode(given, validate=True).partition(b":")
            except ValueError:
                user = password = b""
            if kind.lower() != "basic" or not self.blog.keys.is_administrator(user, password):
                fields = {"www-authenticate": 'Basic realm="microblog", charset="UTF-8"'}
                text = "This is for the administrator.\n"
                raise web.HTTPUnauthorized(text=text, headers=fields)
            return await handler(request)

        return guarded

    async def _given(self, request: web.Request) -> Mapping[str, object]:
        limit = self.it.picture_limit + forms.SMALL
        content = await forms.body(request, limit, forms.UPLOAD_SECONDS)
        return forms.fields(request.headers.get("content-type", ""), content)

    async def _page(self, content: str) -> web.Response:
        followers = (await self.blog.counts())["followers"]
        text = documents.page(self.it, await self.blog.avatar(), followers, content)
        fields = {"vary": "accept"}
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=fields)

    def _with_url(self, post: Document) -> Document:
        return {**post, "url": f"{self.it.url}/posts/{post['id']}"}


def _wants(request: web.Request, *kinds: str) -> bool:
    accepted = request.headers.get("accept", "").lower()
    return any(it in accepted for it in kinds)


def _activity(found: Document) -> web.Response:
    return web.json_response(found, content_type=ACTIVITY, headers={"vary": "accept"})


def _done(request: web.Request, found: Document, status: int) -> web.Response:
    """Lead a browser back to where it writes, and tell a program what was made."""
    if _wants(request, "text/html"):
        return web.Response(status=303, headers={"location": "/write"})
    return web.json_response(found, status=status)
