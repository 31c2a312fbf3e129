"""Streams: the events of a run as server-sent events that can be resumed anywhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final

from fastapi import Depends, Header, Query

from shared import errors

from ..domain.runs import NumberedEvent, RunEventKind
from ..service import feed
from ..service.panel import Panel
from .schemas.runs import EventAnswer

RETRY_MILLISECONDS: Final = 1000
BATCH: Final = 100
HIGHEST: Final = 2**31 - 1


def get_place(
    after: Annotated[
        int, Query(ge=0, le=HIGHEST, description="Number of the last event that is known.")
    ] = 0,
    last_event_id: Annotated[
        str | None,
        Header(pattern="^[0-9]{1,9}$", description="As `after`, and wins over it."),
    ] = None,
) -> int:
    """Return the number after which events are wanted."""
    return int(last_event_id) if last_event_id else after


PlaceDependency = Annotated[int, Depends(get_place)]


async def follow(panel: Panel, run: str, after: int) -> AsyncIterator[bytes]:
    """Yield the events after a number until the run has ended, or this process is about to.

    After the end of a run, whoever asks again gets the rest, and the end once more.
    """
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    async with panel.feed.watch(run) as wake:
        while True:
            wake.clear()
            events = await _read(panel, run, after, wake)
            for event in events:
                yield _encoded(event)
                after = max(after, event.sequence)
            if events and events[-1].kind is RunEventKind.END:
                return
            if len(events) == BATCH:
                continue
            if panel.feed.is_closed:
                return
            async for _ in feed.quiet(wake):
                yield b": ping\n\n"


async def _read(panel: Panel, run: str, after: int, wake: asyncio.Event) -> Sequence[NumberedEvent]:
    try:
        async with panel.database.transaction() as tx:
            events = await panel.runs.list_events(tx, run, after=after, limit=BATCH)
            return events or await panel.runs.find_end(tx, run, after=after)
    except errors.UnavailableError:
        feed.again_later(wake)
        return ()  # the stream stays open and goes on when the database is back


def _encoded(event: NumberedEvent) -> bytes:
    shown = EventAnswer.of(event)
    data = json.dumps(shown.data, ensure_ascii=False)
    return f"id: {shown.id}\nevent: {shown.event}\ndata: {data}\n\n".encode()
