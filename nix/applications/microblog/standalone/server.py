"""The web server around the blog: bounded in time and number, safe header fields, one log line."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import forms
from aiohttp import web
from configuration import ConfigurationError, log
from database import AWAY
from keys import UnreadableError
from store import StoreError

if TYPE_CHECKING:
    from asyncio import Protocol
    from collections.abc import Awaitable, Callable

    from configuration import Configuration
    from upkeep import Health

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LIFE_SECONDS = 75.0
"""For a connection, which carries one request, however slowly it is sent or its answer is read."""
HANDLING_SECONDS = 60.0
MOST_HANDLED = 32
"""Of requests that only read, and as many of those that bring something, however slowly."""
GOODBYE_SECONDS = 8.0
"""For requests that are under way in the end; a unit has ten seconds to stop."""
KEPT_FIELDS = ("location", "allow", "www-authenticate", "retry-after")


class Guard:
    """What every request and every answer goes through."""

    def __init__(self, it: Configuration, health: Health) -> None:
        media = urlsplit(it.media_url)
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
        self._is_idle = asyncio.Event()

    async def answer_health(self, _: web.Request) -> web.Response:
        """Say whether everything works, and else what does not."""
        problem = await self._health.problem()
        return web.Response(status=503 if problem else 200, text=f"{problem or 'ok'}\n")

    async def idle(self) -> None:
        """Wait until no request is under way, but not for ever."""
        with suppress(TimeoutError):
            while any(self._handled.values()):
                self._is_idle.clear()
                await asyncio.wait_for(self._is_idle.wait(), GOODBYE_SECONDS)

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request in a bounded time, whatever happens in it."""
        only_reads = request.method in ("GET", "HEAD")
        self._handled[only_reads] += 1
        try:
            async with asyncio.timeout(HANDLING_SECONDS):
                if self._handled[only_reads] > MOST_HANDLED:
                    answer: web.StreamResponse = _away("too many requests at once")
                else:
                    answer = await self._translated(request, handler)
        except TimeoutError:
            answer = _away("this took too long")
        finally:
            self._handled[only_reads] -= 1
            self._is_idle.set()
        answer.headers.update(self._safety)
        answer.headers.setdefault("cache-control", "no-cache")
        # One request per connection: the time of a connection is the time of a request.
        answer.force_close()
        log(f"{f'{request.method} {request.path}'!a} {answer.status}")
        return answer

    async def _translated(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return an answer also where there is an error in place of one."""
        if not self._health.is_ready and request.path != "/healthz":
            return _away("the blog is starting")
        try:
            return await handler(request)
        except web.HTTPException as error:
            kept = {name: error.headers[name] for name in KEPT_FIELDS if name in error.headers}
            text = error.text or f"{error.reason}\n"
            return web.Response(status=error.status, headers=kept, text=text)
        except forms.RefusedError as error:
            return web.Response(status=422, text=f"{error}\n")
        except (StoreError, UnreadableError) as error:
            return _away(str(error))
        except AWAY as error:
            log(f"{request.path!a}: {type(error).__name__}: {str(error)!a}")
            return _away("the database or a folder cannot be used at the moment")


def _away(reason: str) -> web.Response:
    return web.Response(status=503, text=f"{reason}\n", headers={"retry-after": "5"})


async def serve(application: web.Application, guard: Guard, port: int, end: asyncio.Event) -> None:
    """Answer visitors until the end, and then whoever is still being answered."""
    # A compressed body could become a thousand times as large as it was allowed to be.
    runner = web.AppRunner(application, access_log=None, auto_decompress=False)
    await runner.setup()
    server, loop = runner.server, asyncio.get_running_loop()
    if server is None:
        raise ConfigurationError("aiohttp made no server")

    def receive() -> Protocol:
        visitor = server()
        loop.call_later(LIFE_SECONDS, _hang_up, visitor)
        return visitor

    listener = await loop.create_server(receive, "", port, backlog=128)
    log(f"answers on port {port}")
    try:
        await end.wait()
    finally:
        listener.close()
        await guard.idle()
        await server.shutdown(1.0)
        await runner.cleanup()


def _hang_up(visitor: Protocol) -> None:
    transport = getattr(visitor, "transport", None)
    if transport is not None:
        transport.abort()
