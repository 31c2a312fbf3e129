"""A small federating server: one voice, its posts, and whoever follows it.

Started with the path of its configuration. It answers from the first moment on, and says what it
is waiting for until the database is there; bounded in time and number, with safe header fields. To
read it: this file, then `routes.py`, which names everything that can be asked for, `posts.py` and
`followers.py`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import database
from aiohttp import web
from configuration import Configuration, ConfigurationError, Refusal, Secrets, log
from database import AWAY
from followers import Inbox, Queue
from outside import Outside
from posts import Blog
from routes import Site
from store import Bucket
from upkeep import Health

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLL_SECONDS = 0.5
HANDLING_SECONDS = 60.0
"""For a request, however slowly it is sent or its answer is read."""
MOST_HANDLED = 32
"""Of requests that only read, and as many of those that bring something."""
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
            async with asyncio.timeout(GOODBYE_SECONDS):
                while any(self._handled.values()):
                    self._is_idle.clear()
                    await self._is_idle.wait()

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request in a bounded time, whatever happens in it."""
        only_reads = request.method in ("GET", "HEAD")
        self._handled[only_reads] += 1
        answer: web.StreamResponse = _away("too many requests at once")
        try:
            async with asyncio.timeout(HANDLING_SECONDS):
                if self._handled[only_reads] <= MOST_HANDLED:
                    answer = await self._translated(request, handler)
                answer.headers.update(self._safety)
                answer.headers.setdefault("cache-control", "no-cache")
                answer.force_close()
                with suppress(ConnectionError):
                    await answer.prepare(request)
                    await answer.write_eof()
        except TimeoutError:
            if request.transport:
                request.transport.abort()
        finally:
            self._handled[only_reads] -= 1
            self._is_idle.set()
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
        except Refusal as error:
            return web.Response(status=error.status, text=f"{error}\n")
        except AWAY as error:
            log(f"{request.path!a}: {type(error).__name__}: {str(error)!a}")
            return _away("the database or a folder cannot be used at the moment")


def _away(reason: str) -> web.Response:
    return web.Response(status=503, text=f"{reason}\n", headers={"retry-after": "5"})


async def _answer(
    application: web.Application, guard: Guard, port: int, end: asyncio.Event
) -> None:
    """Answer visitors until the end, and then whoever is still being answered."""
    # A compressed body could become a thousand times as large as it was allowed to be.
    runner = web.AppRunner(application, access_log=None, auto_decompress=False)
    await runner.setup()
    if runner.server is None:
        raise ConfigurationError("aiohttp made no server")
    listener = await asyncio.get_running_loop().create_server(runner.server, "", port)
    log(f"answers on port {port}")
    try:
        await end.wait()
    finally:
        listener.close()
        await guard.idle()
        await runner.cleanup()


async def serve(it: Configuration) -> None:
    """Serve the blog until somebody says that it is enough."""
    keys = Secrets(it)
    session = aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
    )
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with session, database.opened(it) as pool:
        bucket = Bucket(session, it)
        outside = Outside(it, session, keys)
        blog = Blog(it, pool, bucket, keys)
        queue = Queue(it, pool, outside, blog)
        inbox = Inbox(it, pool, outside, queue)
        health = Health(it, pool, bucket, keys)
        guard = Guard(it, health)
        application = web.Application(middlewares=[guard.handle])
        application.add_routes(
            [
                web.get("/healthz", guard.answer_health),
                web.post("/inbox", inbox.take),
                *Site(it, blog, queue).routes(),
            ]
        )
        # Whatever ends unforeseen ends all of it, and the unit begins anew.
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(_work(health, queue))
            await _answer(application, guard, it.port, end)
            work.cancel()


async def _work(health: Health, queue: Queue) -> None:
    """Do what nobody waits for, as soon as the database is there."""
    last = None
    while (problem := await health.start()) and not health.is_ready:
        if problem != last:
            log(problem)
        last = problem
        await asyncio.sleep(POLL_SECONDS)
    await queue.run()


def main() -> None:
    """Serve the blog that the configuration describes."""
    try:
        asyncio.run(serve(Configuration(sys.argv[1])))
    except ConfigurationError as error:
        log(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
