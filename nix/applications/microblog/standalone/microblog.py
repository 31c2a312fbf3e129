"""A small federating server: one voice, its posts, and whoever follows it.

Started with the path of its configuration. It answers from the first moment on, and says what it
is waiting for until the database is there.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import aiohttp
import database
import health
from addresses import Rules
from aiohttp import web
from api import Api
from browser import Site
from configuration import Configuration, ConfigurationError, load, log
from deliveries import Queue
from documents import Documents
from federation import Federation
from inbox import Inbox
from keys import Secrets
from outgoing import Outside
from posts import Blog
from server import Doorkeeper, Guard
from sessions import Doorman
from store import Bucket, StoreError

POLL_SECONDS = 0.5
SWEEP_SECONDS = 900.0


async def serve(configuration: Configuration) -> None:
    """Serve the blog until somebody says that it is enough."""
    secrets = Secrets(configuration)
    session = aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
    )
    async with session, database.opened(configuration) as pool:
        bucket = Bucket(session, configuration)
        rules = Rules(configuration.url)
        outside = Outside(session, configuration, rules, secrets.actor)
        documents = Documents(configuration, secrets.actor.public_pem)
        blog = Blog(configuration, pool, bucket, secrets.column)
        queue = Queue(pool, outside, blog, documents)
        doorman = Doorman(configuration, pool, secrets.password)
        state = health.Health(configuration, pool, bucket, secrets)
        guard = Guard(configuration, state)
        application = web.Application(middlewares=[guard.middleware()])
        application.add_routes([web.get("/healthz", guard.answer_health)])
        application.add_routes(Site(configuration, blog, queue, documents, doorman).routes())
        application.add_routes(Api(configuration, blog, doorman, state).routes(queue, documents))
        inbox = Inbox(pool, outside, queue, documents, rules)
        application.add_routes(Federation(blog, documents, inbox).routes())
        # Whatever ends unforeseen ends all of it, and the unit begins anew.
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(_work(state, queue, blog))
            await _answer(application, guard, configuration.port)
            work.cancel()


async def _answer(application: web.Application, guard: Guard, port: int) -> None:
    """Answer visitors until told to stop."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for it in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(it, stopped.set)
    # A compressed body could become a thousand times as large as it was allowed to be.
    runner = web.AppRunner(application, access_log=None, auto_decompress=False)
    await runner.setup()
    if runner.server is None:
        raise ConfigurationError("aiohttp made no server")
    guard.doorkeeper = Doorkeeper(runner.server)
    listener = await loop.create_server(guard.doorkeeper, "", port, backlog=128)
    log(f"answers on port {port}")
    try:
        await stopped.wait()
    finally:
        listener.close()
        await runner.cleanup()


async def _work(state: health.Health, queue: Queue, blog: Blog) -> None:
    """Do what nobody waits for, as soon as the database is there."""
    last = None
    while not state.is_ready:
        problem = await state.start()
        if problem and problem != last:
            log(problem)
        last = problem
        if problem:
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
        asyncio.run(serve(load(sys.argv[1])))
    except ConfigurationError as error:
        log(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
