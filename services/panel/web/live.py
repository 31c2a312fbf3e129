"""Live: what happens in a run, sent to its page as it happens, losing and doubling nothing.

A page shows a run as it was at some number of its events; the stream begins after that number.
Each message carries the number of the newest event it tells of, and whoever comes back names the
last one it got: that is asked of the database, so any process can go on where another ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import clock, errors

from ..domain.identity import Scope
from ..domain.runs import RunEventKind, RunState
from ..service.feed import LONGEST_SECONDS, again_later, quiet
from .presenters import logs, runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from shared.contracts.deployments import PublishedRoute
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.runs import NumberedEvent, Run
    from ..service.panel import Panel
    from .presenters.logs import LogLine, Wanted
    from .presenters.runs import FollowingView, RunView
    from .rendering import Pages

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
PAUSE_SECONDS: Final = 0.15
"""Between two messages: what happens in the meantime comes as one."""
RETRY_MILLISECONDS: Final = 500
BATCH: Final = 200
MOST_LINES: Final = 2000
END: Final = b"event: end\ndata: end\n\n"
PING: Final = b": ping\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run as it is at one number of its events."""

    view: RunView
    run: Run
    places: Sequence[tuple[str, str]]
    """Its steps, for programs and for people."""
    ahead: Run | None
    """The run for which it waits, if it waits."""
    following: Sequence[FollowingView]
    """What begins by itself once it has succeeded."""
    routes: Sequence[PublishedRoute]
    """What leads to its deployment now."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Log:
    """What was written in a run until a number of its events."""

    lines: Sequence[LogLine]
    is_cut: bool
    """Whether earlier lines are left out."""


async def snapshot(panel: Panel, tx: Transaction, caller: Caller, run: str) -> Snapshot:
    """Return a run of the caller's operator, as its page shows it now."""
    now = clock.system.now()
    details = await panel.runs.get(tx, caller, run)
    [listed] = await panel.history.listed(tx, [details.run])
    usual = await panel.history.usual_seconds(tx, details.run.kind)
    overview = await panel.runs.overview(tx, caller, details.run.deployment)
    newest = await panel.runs.list_events(tx, run, after=details.run.sequence - 1, limit=1)
    heard_at = newest[0].at if newest else None
    active = overview.standing.active if details.run.state is RunState.QUEUED else None
    return Snapshot(
        view=runs.present(listed, details.steps, usual, now, heard_at),
        run=details.run,
        places=logs.places(details.run, details.steps),
        ahead=active if active and active.id != run else None,
        following=runs.following(await panel.runs.list_following(tx, run)),
        routes=overview.deployment.routes,
        now=now,
    )


async def read_log(panel: Panel, tx: Transaction, run: Run, wanted: Wanted) -> Log:
    """Return what was written in a run until it was read; the stream tells the rest."""
    events = await panel.runs.list_events(
        tx, run.id, after=max(0, run.sequence - MOST_LINES), limit=MOST_LINES
    )
    seen = [it for it in events if it.sequence <= run.sequence]
    written = logs.lines(run, seen, wanted)
    is_cut = run.sequence > MOST_LINES or len(written) > MOST_LINES
    return Log(written[-MOST_LINES:], is_cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One person who watches one run."""

    panel: Panel
    pages: Pages
    caller: Caller
    run: Run

    async def follow(self, after: int) -> AsyncIterator[bytes]:
        """Yield messages until the run has ended, or this process is about to."""
        feed, loop = self.panel.feed, asyncio.get_running_loop()
        until = loop.time() + LONGEST_SECONDS
        yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
        async with feed.watch(self.run.id) as wake:
            while loop.time() < until:
                wake.clear()
                events, message = await self._next(after, wake)
                if message:
                    after = max(after, events[-1].sequence)
                    yield message
                if len(events) == BATCH and not feed.is_closed:
                    continue
                if any(it.kind is RunEventKind.END for it in events):
                    yield END
                    return
                if feed.is_closed:
                    return
                async for _ in quiet(wake, until=until):
                    yield PING
                await asyncio.sleep(PAUSE_SECONDS)

    async def _next(self, after: int, wake: asyncio.Event) -> tuple[Sequence[NumberedEvent], bytes]:
        """Return the next events and what tells of them; nothing while there is no database."""
        try:
            async with self.panel.database.transaction() as tx:
                events = await self.panel.runs.list_events(
                    tx, self.run.id, after=after, limit=BATCH
                )
                events = events or await self.panel.runs.find_end(tx, self.run.id, after=after)
                return events, await self._message(tx, events)
        except errors.UnavailableError:
            again_later(wake)
            return (), b""

    async def _message(self, tx: Transaction, events: Sequence[NumberedEvent]) -> bytes:
        """Return what these events change on the page, under the number of the newest."""
        parts = []
        if any(it.kind is not RunEventKind.LOG for it in events):
            parts.append(await self._state(tx))
        lines = logs.lines(self.run, events)
        if lines:
            parts.append(self.pages.render("runs/lines_part.html", lines=lines))
        if not parts:
            return b""
        told = "".join(f"data: {it}\n" for it in "\n".join(parts).splitlines() if it.strip())
        return f"id: {events[-1].sequence}\n{told}\n".encode()

    async def _state(self, tx: Transaction) -> str:
        found = await snapshot(self.panel, tx, self.caller, self.run.id)
        return self.pages.render(
            "runs/state_part.html",
            run=found.view,
            ahead=found.ahead,
            following=found.following,
            routes=found.routes,
            may_change=self.caller.allows(Scope.WRITE),
            now=found.now,
        )
