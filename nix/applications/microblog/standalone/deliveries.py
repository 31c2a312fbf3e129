"""What other servers still have to be told: for each in order, one at a time, and with an end.

A server that does not answer is asked ever more rarely, in places that are kept for such servers,
so that it holds up nobody. After a week it is told nothing more, and its followers are forgotten.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from configuration import log
from database import AWAY
from outgoing import DoorError, OutgoingError

if TYPE_CHECKING:
    import asyncpg
    from documents import Document, Documents
    from outgoing import Outside
    from posts import Blog

PAUSES = (5, 30, 180, 900, 3600, 21600, *[86400] * 6)
"""Seconds after each failure; after the last one there is no other try."""
PLACES = 8
"""For servers that answer, and as many for those that do not."""
REST_SECONDS = 5.0
MOST_WAITING = 1000
"""For one server; what comes on top of it is not told."""
SUCCESS = range(200, 300)
REFUSALS = frozenset((400, 404, 405, 406, 410, 413, 415, 422))
"""Answers that would be the same tomorrow."""
TELL_ALL = """
    insert into deliveries (host, inbox, post) select host, inbox, $1
    from (select distinct host, coalesce(shared_inbox, inbox) as inbox from followers) as it
    where not exists (select from deliveries where host = it.host offset $2)
"""
TELL = """
    insert into deliveries (host, inbox, body) select $1, $2, $3
    where not exists (select from deliveries where host = $1 offset $4)
"""
DUE = """
    select due.host, due.failures, first.*
    from (
        select host, failures, due_at from hosts
        where (failures > 0) = $1 and due_at <= now() and host <> all($2::text[])
        order by due_at limit $3
    ) as due
    cross join lateral (
        select id, inbox, post, body from deliveries where host = due.host order by id limit 1
    ) as first
"""
ANSWERED = """
    update hosts set failures = 0, failing_since = null, answered_at = now(),
    due_at = case when exists (select from deliveries where host = $1) then now() end
    where host = $1
"""
FAILED = """
    update hosts set failures = failures + 1, failing_since = coalesce(failing_since, now()),
    due_at = now() + make_interval(secs => $2) where host = $1
"""
# When nobody has answered since, it is not this server that cannot be reached.
FORGET_LOST = """
    delete from hosts as lost where host = $1
    and exists (select from hosts where answered_at > lost.failing_since)
"""


async def tell_all(connection: asyncpg.Connection, post: str) -> None:
    """Queue a post for all followers, in the transaction that makes it."""
    # Two of these at once would wait for each other.
    await connection.execute("select pg_advisory_xact_lock(2)")
    await connection.execute(TELL_ALL, post, MOST_WAITING)
    await connection.execute("update hosts set due_at = now() where due_at is null")


async def tell(connection: asyncpg.Connection, host: str, inbox: str, activity: Document) -> bool:
    """Queue an activity for one inbox; False: too much waits for this server already."""
    done = await connection.execute(TELL, host, inbox, json.dumps(activity), MOST_WAITING)
    await connection.execute("update hosts set due_at = now() where host = $1", host)
    return str(done) == "INSERT 0 1"


async def lock(connection: asyncpg.Connection, host: str) -> None:
    """Wait until nobody else changes what is kept about a server, and see all of it afterwards."""
    await connection.execute("select from hosts where host = $1 for update", host)


async def forget_unfollowed(connection: asyncpg.Connection, host: str) -> None:
    """Forget a server, which is locked, and what waits for it, when nobody follows from there."""
    await connection.execute(
        "delete from hosts where host = $1 and not exists (select from followers where host = $1)",
        host,
    )


class Queue:
    """Deliveries that survive a restart."""

    def __init__(
        self, pool: asyncpg.Pool, outside: Outside, blog: Blog, documents: Documents
    ) -> None:
        self._pool = pool
        self._outside = outside
        self._blog = blog
        self._documents = documents
        self._nudged = asyncio.Event()
        # Servers that are being told something, and whether they failed before.
        self._busy: dict[str, bool] = {}

    def nudge(self) -> None:
        """Look at the queue now: something was committed."""
        self._nudged.set()

    async def run(self) -> None:
        """Deliver until cancelled; whatever is not foreseen here ends all of it."""
        async with asyncio.TaskGroup() as tasks:
            while self._outside.is_reachable:
                self._nudged.clear()
                try:
                    for is_sick in (False, True):
                        await self._start_due(tasks, is_sick=is_sick)
                except AWAY as error:
                    log(f"the queue cannot be read: {type(error).__name__}")
                try:
                    await asyncio.wait_for(self._nudged.wait(), REST_SECONDS)
                except TimeoutError:
                    continue

    async def _start_due(self, tasks: asyncio.TaskGroup, *, is_sick: bool) -> None:
        free = PLACES - sum(it is is_sick for it in self._busy.values())
        for row in await self._pool.fetch(DUE, is_sick, list(self._busy), free):
            self._busy[row["host"]] = is_sick
            tasks.create_task(self._deliver(row))

    async def _deliver(self, row: asyncpg.Record) -> None:
        try:
            await self._record(row, *await self._tell(row))
        except (DoorError, *AWAY) as error:
            # Not this server's fault. It stays due, and is told twice at worst: its id is the same.
            log(f"a delivery has to wait: {type(error).__name__}: {error}")
            await asyncio.sleep(REST_SECONDS)
        finally:
            del self._busy[row["host"]]
            self.nudge()

    async def _tell(self, row: asyncpg.Record) -> tuple[int, str | None]:
        """Return the status that a server answers with, and what is wrong with it."""
        body = row["body"]
        if row["post"]:
            post = await self._blog.find(row["post"])
            body = json.dumps(self._documents.create(post)) if post else None
        if body is None:
            return HTTPStatus.OK, None
        try:
            status = await self._outside.post(row["inbox"], body.encode())
        except DoorError:
            raise
        except OutgoingError as error:
            return 0, str(error)
        return status, None if status in SUCCESS else f"status {status}"

    async def _record(self, row: asyncpg.Record, status: int, problem: str | None) -> None:
        host, is_over = row["host"], status in REFUSALS or row["failures"] >= len(PAUSES)
        if problem:
            end = "given up" if is_over else f"attempt {row['failures'] + 1}"
            log(f"delivery to {row['inbox']!a}: {problem!a}, {end}")
        async with self._pool.acquire() as connection, connection.transaction():
            await lock(connection, host)
            if status == HTTPStatus.GONE:
                await _forget(connection, host, row["inbox"])
            if problem is None or status in REFUSALS:
                await connection.execute("delete from deliveries where id = $1", row["id"])
                await connection.execute(ANSWERED, host)
            elif is_over:
                await _give_up(connection, host)
            else:
                await connection.execute(FAILED, host, float(PAUSES[row["failures"]]))


async def _forget(connection: asyncpg.Connection, host: str, inbox: str) -> None:
    """Forget whoever was told through an inbox."""
    await connection.execute(
        "delete from followers where host = $1 and (inbox = $2 or shared_inbox = $2)", host, inbox
    )
    await forget_unfollowed(connection, host)


async def _give_up(connection: asyncpg.Connection, host: str) -> None:
    await connection.execute("delete from deliveries where host = $1", host)
    await connection.execute("update hosts set due_at = null where host = $1", host)
    await connection.execute(FORGET_LOST, host)
