"""What people see and do in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import forms
import pages
from aiohttp import web
from forms import KINDS
from keys import UnreadableError
from pages import NOTHING, markup
from store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from configuration import Configuration
    from deliveries import Queue
    from documents import Document, Documents
    from posts import Blog, Draft, Post
    from sessions import Doorman

ACTIVITY = "application/activity+json"
ACTIVITIES = (ACTIVITY, "application/ld+json")
SIGN_IN = ("user", "password")
MISSING = "There is nothing here.\n"


def wants_activity(request: web.Request) -> bool:
    """Say whether a program asks, not a browser."""
    accepted = request.headers.get("accept", "").lower()
    return any(it in accepted for it in ACTIVITIES)


def activity(found: Document) -> web.Response:
    """Return a document as other servers read it."""
    answer = web.json_response(found, content_type=ACTIVITY)
    answer.headers["vary"] = "accept"
    return answer


def _kind(request: web.Request) -> str:
    return request.headers.get("content-type", "")


class Site:
    """The pages, and the forms on them."""

    def __init__(
        self,
        configuration: Configuration,
        blog: Blog,
        queue: Queue,
        documents: Documents,
        doorman: Doorman,
    ) -> None:
        account = f"@{configuration.options['handle']}@{configuration.netloc}"
        self._pages = pages.Pages(configuration.options, account)
        self._picture_limit = configuration.picture_limit
        self._length = int(configuration.options["posts_per_page"])
        self._blog = blog
        self._queue = queue
        self._documents = documents
        self._doorman = doorman

    def routes(self) -> list[web.RouteDef]:
        """List what can be seen and done."""
        return [
            web.get("/", self.home),
            web.get("/style.css", self.style),
            web.get("/posts/{id:[0-9a-f]{16}}", self.post),
            web.get(r"/avatars/{name:[0-9a-f]{32}\.(png|jpg|gif|webp)}", self.avatar),
            web.get("/sign-in", self.sign_in_form),
            web.post("/sign-in", self.sign_in),
            web.post("/sign-out", self.sign_out),
            web.post("/posts", self.publish),
            web.post("/drafts/{id:[0-9a-f]{16}}/{what:publish|delete}", self.finish_draft),
            web.post("/avatar", self.change_avatar),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """Show the newest posts."""
        if wants_activity(request):
            return activity(self._documents.actor(await self._blog.avatar()))
        is_in = await self._doorman.is_in(request)
        posts = await self._blog.page(request.query.get("before"), self._length)
        tools = NOTHING
        if is_in:
            tools = pages.joined(
                [markup(pages.POST_FORM), self._pages.drafts(await self._readable_drafts())]
            )
        return await self._page(
            pages.joined([tools, self._pages.articles(posts), self._older(posts)]),
            is_signed_in=is_in,
        )

    async def post(self, request: web.Request) -> web.Response:
        """Show one post."""
        post = await self._blog.find(request.match_info["id"])
        if post is None:
            raise web.HTTPNotFound(text=MISSING)
        if wants_activity(request):
            return activity(self._documents.note(post))
        is_in = await self._doorman.is_in(request)
        link = markup(
            '<link rel="alternate" type="{kind}" href="{url}">\n',
            kind=ACTIVITY,
            url=self._documents.post_id(post.id),
        )
        return await self._page(
            self._pages.article(post),
            is_signed_in=is_in,
            heading=post.text[:60],
            links=link,
        )

    async def style(self, _: web.Request) -> web.Response:
        """Return how the pages look."""
        return web.Response(text=pages.STYLE, content_type="text/css", charset="utf-8")

    async def avatar(self, request: web.Request) -> web.Response:
        """Return an avatar; the names that reach this cannot lead out of its folder."""
        content = await self._blog.avatar_content(name := request.match_info["name"])
        if content is None:
            raise web.HTTPNotFound(text=MISSING)
        fields = {"content-type": KINDS[name.rpartition(".")[2]], "cache-control": FOREVER}
        return web.Response(body=content, headers=fields)

    async def sign_in_form(self, _: web.Request) -> web.Response:
        """Ask who it is."""
        return await self._page(markup(pages.SIGN_IN), heading="Sign in")

    async def sign_in(self, request: web.Request) -> web.Response:
        """Let the administrator in."""
        self._doorman.check_origin(request)
        given = forms.fields(_kind(request), await forms.body(request))
        user, password = (given.get(it, b"").decode("utf-8", "replace") for it in SIGN_IN)
        return await self._doorman.let_in(request, user, password)

    async def sign_out(self, request: web.Request) -> web.Response:
        """Let the administrator out."""
        self._doorman.check_origin(request)
        return await self._doorman.let_out(request)

    async def publish(self, request: web.Request) -> web.Response:
        """Publish what the form holds, or keep it as a draft."""
        given = await self._form(request, self._picture_limit)
        if given.get("as") == b"draft":
            await self._blog.save_draft(forms.text(given, "text", forms.LONGEST_TEXT))
        else:
            await self._blog.publish(*forms.draft(given))
            self._queue.nudge()
        raise web.HTTPSeeOther("/")

    async def finish_draft(self, request: web.Request) -> web.Response:
        """Publish a draft, or throw it away."""
        await self._form(request)
        name = request.match_info["id"]
        if request.match_info["what"] == "publish":
            is_done = bool(await self._blog.publish_draft(name))
            self._queue.nudge()
        else:
            is_done = await self._blog.drop_draft(name)
        if not is_done:
            raise web.HTTPNotFound(text=MISSING)
        raise web.HTTPSeeOther("/")

    async def change_avatar(self, request: web.Request) -> web.Response:
        """Put another avatar in place."""
        given = await self._form(request, self._picture_limit)
        await self._blog.change_avatar(given.get("picture", b""))
        raise web.HTTPSeeOther("/")

    async def _form(self, request: web.Request, limit: int = 0) -> dict[str, bytes]:
        """Return a form that the administrator sent from the blog's own page."""
        self._doorman.check_origin(request)
        if not await self._doorman.is_in(request):
            raise web.HTTPForbidden(text="Sign in first.\n")
        content = await forms.body(request, limit + forms.SMALL, forms.UPLOAD_SECONDS)
        return forms.fields(_kind(request), content)

    async def _page(
        self,
        content: pages.Markup,
        *,
        is_signed_in: bool = False,
        heading: str | None = None,
        links: pages.Markup = NOTHING,
    ) -> web.Response:
        profile = (await self._blog.avatar(), (await self._blog.counts()).followers)
        text = self._pages.page(
            content, profile, is_signed_in=is_signed_in, heading=heading, links=links
        )
        fields = {"vary": "accept, cookie"}
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=fields)

    async def _readable_drafts(self) -> Sequence[Draft] | None:
        try:
            return await self._blog.drafts()
        except UnreadableError:
            return None

    def _older(self, posts: Sequence[Post]) -> pages.Markup:
        if len(posts) < self._length:
            return NOTHING
        return markup('<p><a href="/?before={id}">Older posts</a></p>\n', id=posts[-1].id)
