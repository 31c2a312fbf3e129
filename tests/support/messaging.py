"""Services reduced to what they hear and say, on a real bus and a real database."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from shared import ids
from shared.bus import consumer, dead_letters, outbox, publisher
from shared.contracts import envelope as envelopes
from shared.contracts.storage import StorageReady
from tests.support.bus import envelope_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from shared.bus.connection import Connection
    from shared.bus.consumer import Routes
    from shared.contracts.messages import Event
    from shared.database import Database, Transaction

EFFECTS = "create table effects (position bigserial, message text, deployment text, note text)"


@asynccontextmanager
async def running(*parts: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run coroutines for the length of a block, and fail when one of them failed."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [it for it in outcomes if isinstance(it, Exception)]
    assert not failures, failures


def service(
    connection: Connection, database: Database, routes: Routes
) -> tuple[Coroutine[object, object, None], ...]:
    """Return what makes a service: it consumes, decides about dead letters, and publishes."""
    letters = dead_letters.DeadLetters(connection.service, database, routes)
    everything = {**routes, **letters.routes()}
    return (
        consumer.consume(connection, database, connection.service, everything),
        outbox.Relay(connection, database).run(),
    )


def storage_ready(deployment: str | None = None, revision: int = 1) -> StorageReady:
    return StorageReady(
        deployment=deployment or ids.new_id(), revision=revision, run=ids.new_id(), buckets=()
    )


async def publish(connection: Connection, event: Event, *, message: str | None = None) -> str:
    """Publish an event past the outbox; return the message's id."""
    envelope = envelope_of(event, connection.service, message=message)
    subject, payload = event.subject(connection.service), envelopes.encode(event)
    await publisher.publish(connection, subject, envelope, payload)
    return envelope.id


async def publish_raw(
    connection: Connection, subject: str, headers: dict[str, str], payload: bytes
) -> None:
    answer = await connection.ask(subject, payload, headers, seconds=2)
    assert "error" not in answer, answer


async def note(tx: Transaction, event: Event, text: str = "") -> None:
    """Leave a trace of a handler's work."""
    await tx.execute(
        "insert into effects (message, deployment, note) values ($1, $2, $3)",
        tx.cause,
        event.deployment,
        text,
    )


async def rows(database: Database, sql: str) -> Sequence[Any]:
    async with database.transaction() as tx:
        return [next(iter(row.values())) for row in await tx.fetch(sql)]


async def effects(database: Database) -> Sequence[Any]:
    return await rows(database, "select message from effects order by position")
