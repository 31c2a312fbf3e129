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
from .dependencies import CallerDependency, PanelDependency
from .schemas.runs import EventAnswer

MEDIA_TYPE: Final = "text/event-stream"
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


async def get_seat(
    panel: PanelDependency, caller: CallerDependency, accept: Annotated[str, Header()] = ""
) -> AsyncIterator[bool]:
    """Say whether a stream is wanted, and count it until it has ended."""
    if MEDIA_TYPE not in accept:
        yield False
        return
    with panel.feed.seat(caller.credential):
        yield True


SeatDependency = Annotated[bool, Depends(get_seat)]


async def follow(
    panel: Panel, run: str, after: int, *, longest_seconds: float = feed.LONGEST_SECONDS
) -> AsyncIterator[bytes]:
    """Yield the events after a number until the run, this process or a stream's time ends.

    Whoever asks again gets the rest, as lines that came after the end; and the end once more.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + longest_seconds
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    async with panel.feed.watch(run) as wake:
        while loop.time() < until:
            wake.clear()
            events = await _read(panel, run, after, wake)
            for event in events:
                yield _encoded(event)
                after = max(after, event.sequence)
            if len(events) == BATCH:
                continue
            if any(it.kind is RunEventKind.END for it in events):
                return
            if panel.feed.is_closed:
                return
            async for _ in feed.quiet(wake, until=until):
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
