"""What other servers still have to be told: for each in order, one at a time, and with an end.

A server that does not answer is asked ever more rarely, in places that are kept for such servers,
so that it holds up nobody. After a week it is told nothing more, and its followers are forgotten.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import documents
from configuration import log
from database import AWAY
from outside import DoorError, OutsideError

if TYPE_CHECKING:
    import asyncpg
    from configuration import Configuration
    from outside import Outside
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
FORGET_UNFOLLOWED = """
    delete from hosts where host = $1 and not exists (select from followers where host = $1)
"""


async def tell_all(connection: asyncpg.Connection, post: str) -> None:
    """Queue a post for all followers, in the transaction that makes it."""
    # Two of these at once would wait for each other.
    await connection.execute("select pg_advisory_xact_lock(2)")
    await connection.execute(TELL_ALL, post, MOST_WAITING)
    await connection.execute("update hosts set due_at = now() where due_at is null")


async def tell(connection: asyncpg.Connection, host: str, inbox: str, body: str) -> bool:
    """Queue an activity for one inbox; False: too much waits for this server already."""
    done = await connection.execute(TELL, host, inbox, body, MOST_WAITING)
    await connection.execute("update hosts set due_at = now() where host = $1", host)
    return str(done) == "INSERT 0 1"


async def lock(connection: asyncpg.Connection, host: str) -> None:
    """Wait until nobody else changes what is kept about a server, and see all of it afterwards."""
    await connection.execute("select from hosts where host = $1 for update", host)


class Queue:
    """Deliveries that survive a restart."""

    def __init__(self, it: Configuration, pool: asyncpg.Pool, outside: Outside, blog: Blog) -> None:
        self._it = it
        self._pool = pool
        self._outside = outside
        self._blog = blog
        self._nudged = asyncio.Event()
        # Servers that are being told something, and whether they failed before.
        self._busy: dict[str, bool] = {}

    def nudge(self) -> None:
        """Look at the queue now: something was committed."""
        self._nudged.set()

    async def run(self) -> None:
        """Deliver until cancelled; whatever is not foreseen here ends all of it."""
        async with asyncio.TaskGroup() as tasks:
            while self._it.egress:
                self._nudged.clear()
                try:
                    for is_sick in (False, True):
                        await self._start_due(tasks, is_sick=is_sick)
                    await asyncio.wait_for(self._nudged.wait(), REST_SECONDS)
                except TimeoutError:
                    continue
                except AWAY as error:
                    log(f"the queue cannot be read: {type(error).__name__}")
                    await asyncio.sleep(1)

    async def _start_due(self, tasks: asyncio.TaskGroup, *, is_sick: bool) -> None:
        free = PLACES - sum(it is is_sick for it in self._busy.values())
        for row in await self._pool.fetch(DUE, is_sick, list(self._busy), free):
            self._busy[row["host"]] = is_sick
            tasks.create_task(self._deliver(row))

    async def _deliver(self, row: asyncpg.Record) -> None:
        try:
            post = await self._blog.find(row["post"])
            body = json.dumps(documents.create(self._it, post)) if post else row["body"]
            await self._record(row, *await self._send(row["inbox"], body))
        except (DoorError, *AWAY) as error:
            # Not this server's fault. It stays due, and is told twice at worst: its id is the same.
            log(f"a delivery has to wait: {type(error).__name__}: {error}")
            await asyncio.sleep(REST_SECONDS)
        finally:
            del self._busy[row["host"]]
            self.nudge()

    async def _send(self, inbox: str, body: str) -> tuple[int, str | None]:
        """Return the status that a server answers with, and what is wrong with it."""
        try:
            status = await self._outside.post(inbox, body.encode())
        except DoorError:
            raise
        except OutsideError as error:
            return 0, str(error)
        return status, None if status in SUCCESS else f"status {status}"

    async def _record(self, row: asyncpg.Record, status: int, problem: str | None) -> None:
        host, inbox, failures = row["host"], row["inbox"], row["failures"]
        async with self._pool.acquire() as connection, connection.transaction():
            do = connection.execute
            await lock(connection, host)
            if status == HTTPStatus.GONE:
                query = "delete from followers where host = $1 and $2 in (inbox, shared_inbox)"
                await do(query, host, inbox)
                await do(FORGET_UNFOLLOWED, host)
            if problem is None or status in REFUSALS:
                await do("delete from deliveries where id = $1", row["id"])
                await do(ANSWERED, host)
            elif failures < len(PAUSES):
                await do(FAILED, host, float(PAUSES[failures]))
            else:
                await do("delete from deliveries where host = $1", host)
                await do("update hosts set due_at = null where host = $1", host)
                await do(FORGET_LOST, host)
        if problem:
            is_over = status in REFUSALS or failures >= len(PAUSES)
            log(f"delivery to {inbox!a}: {problem!a}, {'given up' if is_over else 'again later'}")
