"""The outbox: events written in the transaction of the change, and the relay that publishes them.

A row stays until the stream has acknowledged it, however long the bus is away or full. It holds
the trace context of its writer. Several relays of one service share the rows.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import SpanKind

from shared import errors, ids, telemetry
from shared.contracts import envelope as envelopes

from . import publisher, streams

if TYPE_CHECKING:
    from shared.contracts.messages import Event
    from shared.database import Database, Row, Transaction

    from .connection import Connection

POLL_SECONDS: Final = 0.5
BATCH: Final = 64
ROOM_FOR_HEADERS: Final = 4096
_INSERT: Final = """
insert into outbox (id, subject, type, run, cause, traceparent, payload)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_OLDEST: Final = """
select position, id, subject, type, run, cause, traceparent, payload, created_at
from outbox order by position limit $1 for update skip locked
"""


async def add(tx: Transaction, event: Event, *, service: str) -> str:
    """Write an event to be published once this transaction is committed; return its id.

    Raises:
        FaultError: the event could never be published.
    """
    payload = envelopes.encode(event)
    _check(event, payload)
    message = ids.new_id()
    template = f"ev.{service}.{{deployment}}.{event.event_name()}"
    with telemetry.span(
        f"send {template}",
        kind=SpanKind.PRODUCER,
        run=event.run_id,
        deployment=event.deployment,
        messaging__system="nats",
        messaging__operation__name="send",
        messaging__destination__template=template,
        messaging__message__id=message,
    ):
        values = (message, event.subject(service), event.event_type(), event.run_id, tx.cause)
        await tx.execute(_INSERT, *values, telemetry.traceparent(), payload)
    tx.after_commit(tx.database.outbox_nudge.set)
    return message


def _check(event: Event, payload: bytes) -> None:
    if not ids.is_id(event.deployment):
        raise errors.FaultError(
            "event.deployment", f"{event.event_name()} is about no deployment: an id is needed"
        )
    if len(payload) > streams.MAX_PAYLOAD - ROOM_FOR_HEADERS:
        raise errors.FaultError(
            "event.too_large",
            f"{event.event_name()} of {len(payload)} bytes is more than the bus takes",
        )


class Relay:
    """Publishes the rows of the outbox in their order and deletes what the stream has."""

    def __init__(self, connection: Connection, database: Database) -> None:
        self._connection = connection
        self._database = database
        self._wake = database.outbox_nudge
        self._told: str | None = None

    async def run(self) -> None:
        """Publish until cancelled: at once when nudged or reconnected, else twice a second."""
        self._connection.wakers.add(self._wake)
        try:
            while True:
                if not await self._some():
                    with contextlib.suppress(TimeoutError):
                        # Not wait_for: before Python 3.12 it may swallow a cancellation.
                        async with asyncio.timeout(POLL_SECONDS):
                            await self._wake.wait()
        finally:
            self._connection.wakers.discard(self._wake)

    async def _some(self) -> bool:
        """Publish what is there; say whether there may be more at once."""
        self._wake.clear()
        if not self._connection.is_connected:
            return False
        try:
            published = await self.step()
        except errors.UnavailableError as error:
            if error.code != self._told:
                telemetry.log.warning("outbox_waits", code=error.code, reason=error.message)
            self._told = error.code
            return False
        self._told = None
        return published == BATCH

    async def step(self) -> int:
        """Publish the oldest rows and delete those that were acknowledged; return how many.

        Raises:
            UnavailableError: the bus or the database did not do its part; nothing is lost.
        """
        async with self._database.transaction() as tx:
            rows = await tx.fetch(_OLDEST, BATCH)
            tasks = [asyncio.create_task(self._publish(row)) for row in rows]
            results = await asyncio.gather(*tasks, return_exceptions=True)
            done = [row for row, result in zip(rows, results, strict=True) if result is None]
            if done:
                positions = [row["position"] for row in done]
                await tx.execute("delete from outbox where position = any($1)", positions)
        for failure in results:
            if failure is not None:
                raise failure
        return len(done)

    async def _publish(self, row: Row) -> None:
        _, service, deployment, _ = str(row["subject"]).split(".")
        envelope = envelopes.Envelope(
            id=row["id"],
            service=service,
            type=row["type"],
            time=row["created_at"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
            deployment=deployment,
            run=row["run"],
            cause=row["cause"],
            traceparent=row["traceparent"],
        )
        await publisher.publish(self._connection, row["subject"], envelope, row["payload"])
