"""Handle messages of a durable: the only place that decides between ack, nak and dead letter.

    read → decode → one transaction (inbox row, handler, outbox rows, jobs) → ack

    what came of it                                   verdict
    done, done before, or nothing to do               ack
    UnavailableError                                  nak, again and again, with a growing delay
    undecodable                                       dead letter, then ack
    any other error, after MOST_DELIVERIES            dead letter, then ack; before that: nak

Messages of one deployment are handled in their order, those of several at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind

from shared import errors, ids, telemetry
from shared.contracts import envelope as envelopes
from shared.contracts.messages import Event
from shared.database import Transaction

from . import dead_letters, inbox, outbox, streams
from .pull import Pull, Received

if TYPE_CHECKING:
    from shared.database import Database

    from .connection import Connection

# The argument of a handler is the class it is registered for, which no alias can say.
Handler = Callable[[Any, Transaction], Awaitable[Sequence[Event] | None]]
Routes = Mapping[type[Event], Handler]
Work = Callable[[], Awaitable[None]]
GiveUp = Callable[[Exception], Awaitable[None]]

AT_ONCE: Final = 8
MOST_DELIVERIES: Final = 5
SHORTEST_DELAY_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 5.0
PRUNE_SECONDS: Final = 3600.0


class UndecodableError(errors.InvalidError):
    """The message is not one that this release can read."""


async def consume(connection: Connection, database: Database, service: str, routes: Routes) -> None:
    """Handle what reaches a service until cancelled.

    Raises:
        FaultError: the connection to the bus is closed for good.
    """
    handling = Handling(service=service, database=database, routes=routes)
    async with asyncio.TaskGroup() as group:
        group.create_task(connection.until_broken())
        group.create_task(_prune(database))
        group.create_task(deliver(connection, streams.EVENTS, handling.receive))


async def deliver(
    connection: Connection, stream: str, receive: Callable[[Received], Awaitable[None]]
) -> None:
    """Hand what arrives to `receive`, in order per deployment, until cancelled."""
    lanes = [asyncio.Queue[Received](maxsize=1) for _ in range(AT_ONCE)]
    try:
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(_drive(lane, receive))
            await _fill(lanes, Pull(connection, stream, batch=AT_ONCE))
    finally:
        for lane in lanes:
            while not lane.empty():
                await lane.get_nowait().give_back()


async def _fill(lanes: Sequence[asyncio.Queue[Received]], source: Pull) -> None:
    # The request ends before the work does: what is given back must not come back here.
    async with source as pull:
        while True:
            received = await pull.next()
            try:
                await lanes[lane_of(received.subject)].put(received)
            except asyncio.CancelledError:
                await received.give_back()
                raise


def lane_of(subject: str) -> int:
    """Return the lane of a subject: that of its deployment, or of all of it when it has none."""
    tokens = subject.split(".")
    named = [it for it in tokens if ids.is_id(it)]
    return zlib.crc32((named or [subject])[0].encode(errors="replace")) % AT_ONCE


async def _drive(
    lane: asyncio.Queue[Received], receive: Callable[[Received], Awaitable[None]]
) -> None:
    while True:
        await receive(await lane.get())


async def settle(received: Received, work: Work, give_up: GiveUp) -> None:
    """Do the work of a delivery and tell the bus what came of it."""
    try:
        await work()
    except asyncio.CancelledError:
        await received.give_back()
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the message must not be lost
        await _settle_failure(received, error, give_up)
    else:
        await received.ack()


async def _settle_failure(received: Received, error: Exception, give_up: GiveUp) -> None:
    if is_final(error, received.deliveries):
        _log("message_given_up", received, error)
        try:
            await give_up(error)
        except Exception as another:  # noqa: BLE001 - as above: it stays in the stream
            error = another
        else:
            await received.ack()
            return
    _log("message_delayed", received, error)
    await received.give_back(delay_seconds(received.deliveries))


def is_final(error: Exception, deliveries: int) -> bool:
    """Say whether to stop trying."""
    match error:
        case errors.UnavailableError():
            return False
        case UndecodableError():
            return True
        case _:
            return deliveries >= MOST_DELIVERIES


def delay_seconds(deliveries: int) -> float:
    """Return how long to wait before the next delivery."""
    doubled: float = SHORTEST_DELAY_SECONDS * 2 ** min(deliveries - 1, 10)
    return min(doubled, LONGEST_DELAY_SECONDS)


def _log(what: str, received: Received, error: Exception) -> None:
    known = isinstance(error, errors.HostingError)
    telemetry.log.warning(
        what,
        subject=received.subject,
        sequence=received.sequence,
        deliveries=received.deliveries,
        reason=str(error) if known else repr(error),
        exc_info=None if known else error,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """How one service handles an event."""

    service: str
    database: Database
    routes: Routes

    async def receive(self, received: Received) -> None:
        """Take one delivery of a message to its end."""
        await settle(
            received,
            lambda: self._handle(received),
            lambda error: self._bury(received, error),
        )

    async def _handle(self, received: Received) -> None:
        envelope, event = _decoded(received)
        handler = self.routes.get(type(event))
        if handler is None:
            telemetry.log.info("event_ignored", subject=received.subject, message=envelope.id)
            return
        template = f"ev.{envelope.service}.{{deployment}}.{event.event_name()}"
        with (
            telemetry.continue_from(envelope.traceparent),
            telemetry.span(
                f"process {template}",
                kind=SpanKind.CONSUMER,
                run=event.run_id,
                deployment=event.deployment,
                messaging__system="nats",
                messaging__operation__name="process",
                messaging__destination__template=template,
                messaging__message__id=envelope.id,
                code__function__name=telemetry.code_name(handler),
            ),
        ):
            await self._once(envelope.id, event, handler)

    async def _once(self, message: str, event: Event, handler: Handler) -> None:
        """Write the effects of an event, and that it had them, in one transaction."""
        async with self.database.transaction() as tx:
            tx.cause = message
            if await inbox.is_new(tx, self.service, message):
                for caused in await handler(event, tx) or ():
                    await outbox.add(tx, caused, service=self.service)

    async def _bury(self, received: Received, error: Exception) -> None:
        """Write a dead letter, and that the message has been dealt with, in one transaction."""
        parent = received.headers.get(telemetry.TRACEPARENT)
        with telemetry.continue_from(parent):
            async with self.database.transaction() as tx:
                message = dead_letters.identity(received)
                if await inbox.is_new(tx, self.service, message):
                    tx.cause = message
                    reason = dead_letters.reason_of(error)
                    event = await dead_letters.bury(tx, received, self.service, reason)
                    await dead_letters.announce(tx, event, self.service, self.routes)


def _decoded(received: Received) -> tuple[envelopes.Envelope, Event]:
    try:
        envelope = envelopes.read(received.subject, received.headers)
        if not ids.is_id(envelope.id):
            raise UndecodableError("message.id", "ce-id is not an id")
        return envelope, envelopes.decode(envelope, received.payload)
    except errors.InvalidError as error:
        raise UndecodableError(error.code, error.message) from error


async def _prune(database: Database) -> None:
    while True:
        with contextlib.suppress(errors.UnavailableError):
            async with database.transaction() as tx:
                await inbox.prune(tx)
        await asyncio.sleep(PRUNE_SECONDS)
