"""The web server around the blog: bounded in time and number, safe header fields, one log line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import database
import forms
from aiohttp import web
from configuration import log
from keys import UnreadableError
from store import StoreError

if TYPE_CHECKING:
    from asyncio import Protocol
    from collections.abc import Awaitable, Callable

    from configuration import Configuration
    from health import Health

HEAD_SECONDS = 10.0
"""For the head of a request, however slowly it comes."""
LIFE_SECONDS = 75.0
"""For a connection, which carries one request."""
HANDLING_SECONDS = 60.0
MOST_SILENT = 128
MOST_HANDLED = 32
"""Of requests that only read, and as many of those that bring something, however slowly."""


class Doorkeeper:
    """Makes the protocol of each connection, and hangs up on whoever has been here too long."""

    def __init__(self, server: Callable[[], Protocol]) -> None:
        self._server = server
        self._silent: dict[Protocol, None] = {}

    def __call__(self) -> Protocol:
        """Receive a visitor; too many who say nothing push out the first of them."""
        if len(self._silent) >= MOST_SILENT:
            self._hang_up(next(iter(self._silent)))
        visitor = self._server()
        self._silent[visitor] = None
        loop = asyncio.get_running_loop()
        loop.call_later(HEAD_SECONDS, self._expect_head, visitor)
        loop.call_later(LIFE_SECONDS, self._hang_up, visitor)
        return visitor

    def heard(self, visitor: Protocol) -> None:
        """Know that a visitor has asked for something."""
        self._silent.pop(visitor, None)

    def _expect_head(self, visitor: Protocol) -> None:
        if visitor in self._silent:
            self._hang_up(visitor)

    def _hang_up(self, visitor: Protocol) -> None:
        self._silent.pop(visitor, None)
        transport = getattr(visitor, "transport", None)
        if transport is not None:
            transport.abort()


class Guard:
    """What every request and every answer goes through."""

    def __init__(self, configuration: Configuration, health: Health) -> None:
        media = urlsplit(configuration.media_url)
        self._safety = {
            "content-security-policy": (
                f"default-src 'none'; style-src 'self'; img-src 'self' {media.scheme}://"
                f"{media.netloc}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "server": "microblog",
        }
        self._health = health
        self._handled = {True: 0, False: 0}
        self.doorkeeper: Doorkeeper | None = None

    async def answer_health(self, _: web.Request) -> web.Response:
        """Say whether everything works, and else what does not."""
        problem = await self._health.problem()
        return web.Response(status=503 if problem else 200, text=f"{problem or 'ok'}\n")

    def middleware(self) -> Callable[..., Awaitable[web.StreamResponse]]:
        """Return this as aiohttp takes it."""

        @web.middleware
        async def guard(
            request: web.Request,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        ) -> web.StreamResponse:
            if self.doorkeeper:
                self.doorkeeper.heard(request.protocol)
            answer = await self._handle(request, handler)
            for name, it in self._safety.items():
                answer.headers[name] = it
            answer.headers.setdefault("cache-control", "no-cache")
            # One request per connection: the time of a connection is the time of a request.
            answer.force_close()
            log(f"{f'{request.method} {request.path}'!a} {answer.status}")
            return answer

        return guard

    async def _handle(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        only_reads = request.method in ("GET", "HEAD")
        if self._handled[only_reads] >= MOST_HANDLED:
            return _away("too many requests at once")
        self._handled[only_reads] += 1
        try:
            async with asyncio.timeout(HANDLING_SECONDS):
                return await self._translated(request, handler)
        except TimeoutError:
            return _away("this took too long")
        finally:
            self._handled[only_reads] -= 1

    async def _translated(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Return an answer also where there is an error in place of one."""
        if not self._health.is_ready and request.path != "/healthz":
            return _away("the blog is starting")
        try:
            return await handler(request)
        except web.HTTPException as error:
            return web.Response(
                status=error.status, headers=_kept(error), text=error.text or f"{error.reason}\n"
            )
        except forms.RefusedError as error:
            return web.Response(status=422, text=f"{error}\n")
        except (StoreError, UnreadableError) as error:
            return _away(str(error))
        except database.AWAY as error:
            log(f"{request.path!a}: {type(error).__name__}: {str(error)!a}")
            return _away("the database or a folder cannot be used at the moment")


def _kept(error: web.HTTPException) -> dict[str, str]:
    known = ("location", "allow", "www-authenticate", "retry-after")
    return {name: error.headers[name] for name in known if name in error.headers}


def _away(reason: str) -> web.Response:
    return web.Response(status=503, text=f"{reason}\n", headers={"retry-after": "5"})
