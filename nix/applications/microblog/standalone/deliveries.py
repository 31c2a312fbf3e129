"""The queue of what other servers still have to be told: one at a time for each, each with an end.

A server that does not answer is asked again ever more rarely, and holds up nobody but itself: half
of the places are kept for servers that have not failed.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from addresses import host_of
from configuration import log
from database import AWAY
from outgoing import OutgoingError

if TYPE_CHECKING:
    import asyncpg
    from documents import Document
    from outgoing import Outside

PAUSES = (5, 30, 180, 900, 3600, 21600, 86400, 86400)
"""Seconds after each failure; after the last one there is no other try."""
PLACES = 16
PLACES_FOR_THE_SICK = 8
REST_SECONDS = 30.0
SUCCESS = range(200, 300)
REFUSALS = frozenset((400, 404, 405, 406, 410, 413, 415, 422))
"""Answers that would be the same tomorrow."""
DUE = """
    select id, host, inbox, body, attempts from (
        select distinct on (host) id, host, inbox, body, attempts, due_at from deliveries
        where host <> all($1::text[]) order by host, attempts desc, id
    ) as first where due_at <= now() order by attempts, id limit $2
"""
TELL_ALL = """
    insert into deliveries (inbox, host, body, due_at)
    select it.inbox, it.host, $1, greatest(now(), (
        select max(due_at) from deliveries where host = it.host and attempts > 0
    ))
    from (select distinct coalesce(shared_inbox, inbox) as inbox, host from followers) as it
"""


class Queue:
    """Deliveries that survive a restart."""

    def __init__(self, pool: asyncpg.Pool, outside: Outside) -> None:
        self._pool = pool
        self._outside = outside
        self._nudged = asyncio.Event()
        self._running: dict[str, tuple[asyncio.Task[None], bool]] = {}

    async def tell_all(self, connection: asyncpg.Connection, activity: Document) -> None:
        """Queue an activity for every follower, in the transaction that it is about."""
        await connection.execute(TELL_ALL, json.dumps(activity))

    async def tell(self, connection: asyncpg.Connection, inbox: str, activity: Document) -> None:
        """Queue an activity for one inbox."""
        await connection.execute(
            "insert into deliveries (inbox, host, body) values ($1, $2, $3)",
            *(inbox, host_of(inbox), json.dumps(activity)),
        )

    def nudge(self) -> None:
        """Look at the queue now: something was committed."""
        self._nudged.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        if not self._outside.is_reachable:
            return
        try:
            while True:
                self._nudged.clear()
                pause = await self._start_due()
                try:
                    await asyncio.wait_for(self._nudged.wait(), pause)
                except TimeoutError:
                    continue
        finally:
            for task, _ in self._running.values():
                task.cancel()

    async def _start_due(self) -> float:
        """Begin what there is a place for, and return how long to rest then."""
        try:
            rows = await self._pool.fetch(DUE, list(self._running), PLACES)
            for row in rows:
                self._start(row)
            query = "select extract(epoch from min(due_at) - now())::float from deliveries"
            seconds = await self._pool.fetchval(f"{query} where due_at > now()")
        except AWAY as error:
            log(f"the queue cannot be read: {type(error).__name__}")
            return 1.0
        return min(REST_SECONDS, REST_SECONDS if seconds is None else seconds + 0.01)

    def _start(self, row: asyncpg.Record) -> None:
        is_sick = row["attempts"] > 0
        sick = sum(it for _, it in self._running.values())
        if len(self._running) >= PLACES or (is_sick and sick >= PLACES_FOR_THE_SICK):
            return
        task = asyncio.create_task(self._deliver(row))
        self._running[row["host"]] = (task, is_sick)
        task.add_done_callback(lambda _: self._ended(row["host"]))

    def _ended(self, host: str) -> None:
        del self._running[host]
        self.nudge()

    async def _deliver(self, row: asyncpg.Record) -> None:
        try:
            status = await self._outside.post(row["inbox"], row["body"].encode())
            problem = None if status in SUCCESS else f"status {status}"
        except (OutgoingError, ValueError) as error:
            status, problem = 0, str(error)
        try:
            await self._record(row, status, problem)
        except AWAY as error:
            # It stays due, and is told twice at worst: its id is the same.
            log(f"a delivery cannot be recorded: {type(error).__name__}")
            await asyncio.sleep(1)

    async def _record(self, row: asyncpg.Record, status: int, problem: str | None) -> None:
        if status == HTTPStatus.GONE:
            await self._pool.execute("delete from followers where inbox = $1", row["inbox"])
        is_over = status in REFUSALS or row["attempts"] >= len(PAUSES)
        if problem is None or is_over:
            await self._pool.execute("delete from deliveries where id = $1", row["id"])
        else:
            await self._postpone(row)
        if problem:
            end = "given up" if is_over else f"attempt {row['attempts'] + 1}"
            log(f"delivery to {row['inbox']!a}: {problem!a}, {end}")

    async def _postpone(self, row: asyncpg.Record) -> None:
        """Leave a server alone for a while, with everything it has to be told."""
        pause = float(PAUSES[row["attempts"]])
        await self._pool.execute(
            "update deliveries set attempts = attempts + (id = $1)::int,"
            " due_at = greatest(due_at, now() + make_interval(secs => $2)) where host = $3",
            *(row["id"], pause, row["host"]),
        )
