"""Progress: what a step is doing right now, on a stream of its own.

Losing a report costs a line that somebody might have read, so reporting never holds up the work.
The end of a step does not depend on it: that follows from events.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from shared import errors, telemetry
from shared.contracts.progress import Progress

from . import consumer, streams

if TYPE_CHECKING:
    from .connection import Connection
    from .pull import Received

MOST_LINES: Final = 100
LONGEST_LINE: Final = 1000

OnProgress = Callable[[Progress, int], Awaitable[None]]
"""Called with a report and its place in the stream, which tells a repetition from a new one."""


class ProgressPublisher:
    """Reports progress of one service."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish(self, progress: Progress) -> None:
        """Send a report if the bus is there, without waiting for an answer."""
        lines = tuple(it[:LONGEST_LINE] for it in progress.lines[-MOST_LINES:])
        payload = progress.model_copy(update={"lines": lines}).model_dump_json().encode()
        with contextlib.suppress(errors.UnavailableError):
            await self._connection.send(progress.subject, payload)


async def consume_progress(connection: Connection, handler: OnProgress) -> None:
    """Hand every report to panel's handler, in order per deployment, until cancelled.

    A handler that fails is asked again a few times; then the report is dropped.

    Raises:
        FaultError: the connection to the bus is closed for good.
    """

    async def receive(received: Received) -> None:
        await consumer.settle(received, lambda: _hand_over(received, handler), _drop)

    async with asyncio.TaskGroup() as group:
        group.create_task(connection.until_broken())
        group.create_task(consumer.deliver(connection, streams.PROGRESS, receive))


async def _hand_over(received: Received, handler: OnProgress) -> None:
    try:
        progress = Progress.model_validate_json(received.payload)
    except ValidationError as error:
        raise consumer.UndecodableError(
            "progress.payload", f"{error.error_count()} errors"
        ) from error
    if received.subject != progress.subject:
        raise consumer.UndecodableError("progress.subject", "the subject says otherwise")
    await handler(progress, received.sequence)


async def _drop(_: Exception) -> None:
    telemetry.log.info("progress_dropped")
