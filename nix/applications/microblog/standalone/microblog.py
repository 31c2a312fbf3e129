"""A small federating server: one voice, its posts, and whoever follows it.

Started with the path of its configuration. It answers from the first moment on, and says what it
is waiting for until the database is there. To read it: this file, then `routes.py`, which names
everything that can be asked for, `posts.py`, `inbox.py` and `deliveries.py`.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import aiohttp
import database
import server
from aiohttp import web
from configuration import Configuration, ConfigurationError, log
from deliveries import Queue
from inbox import Inbox
from keys import Secrets
from outside import Outside
from posts import Blog
from routes import Site
from store import Bucket, StoreError
from upkeep import Health

POLL_SECONDS = 0.5
SWEEP_SECONDS = 900.0


async def serve(it: Configuration) -> None:
    """Serve the blog until somebody says that it is enough."""
    secrets = Secrets(it)
    session = aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
    )
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with session, database.opened(it) as pool:
        bucket = Bucket(session, it)
        outside = Outside(session, it, secrets.actor)
        blog = Blog(it, pool, bucket, secrets)
        queue = Queue(it, pool, outside, blog)
        inbox = Inbox(it, pool, outside, queue)
        health = Health(it, pool, bucket, secrets)
        guard = server.Guard(it, health)
        application = web.Application(middlewares=[guard.handle])
        application.add_routes(
            [
                web.get("/healthz", guard.answer_health),
                web.post("/inbox", inbox.take),
                *Site(it, blog, queue, secrets).routes(),
            ]
        )
        # Whatever ends unforeseen ends all of it, and the unit begins anew.
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(_work(health, queue, blog))
            await server.serve(application, guard, it.port, end)
            work.cancel()


async def _work(health: Health, queue: Queue, blog: Blog) -> None:
    """Do what nobody waits for, as soon as the database is there."""
    last = None
    while (problem := await health.start()) and not health.is_ready:
        if problem != last:
            log(problem)
        last = problem
        await asyncio.sleep(POLL_SECONDS)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(queue.run())
        tasks.create_task(_sweep(blog))


async def _sweep(blog: Blog) -> None:
    while True:
        try:
            await blog.sweep()
        except (StoreError, *database.AWAY) as error:
            log(f"nothing was swept: {error}")
        await asyncio.sleep(SWEEP_SECONDS)


def main() -> None:
    """Serve the blog that the configuration describes."""
    try:
        asyncio.run(serve(Configuration(sys.argv[1])))
    except ConfigurationError as error:
        log(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
