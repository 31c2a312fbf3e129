"""The feed: wakes those who watch runs when there is something new to read.

What is committed here wakes those who watch that run. One question per process asks for all watched
runs at once, a few times a second, for what other replicas commit. Each watcher then reads its own
events.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from shared import errors

from ..domain.refusals import TooManyAtOnceError
from ..domain.sentences import say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from shared.database import Database

    from ..ports import RunRegister

POLL_SECONDS: Final = 0.25
PING_SECONDS: Final = 15.0
"""After so long without news a stream says that it is still there."""
LONGEST_SECONDS: Final = 600.0
"""After this long a stream ends, and is asked for again by somebody who still may."""
MOST_STREAMS: Final = 50
"""Of one token or session in one process."""


class Feed:
    """Tells watchers of runs that their run went on."""

    def __init__(self, database: Database, runs: RunRegister) -> None:
        self._database = database
        self._runs = runs
        self._nudged: set[str] = set()
        self._is_nudged = asyncio.Event()
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._seen: dict[str, int] = {}
        self._seats: Counter[str] = Counter()
        self.is_closed = False
        """Whether this process is about to end: streams end too, and are resumed elsewhere."""

    def nudge(self, run: str) -> None:
        """Say that something of a run was committed."""
        self._nudged.add(run)
        self._is_nudged.set()

    @contextlib.asynccontextmanager
    async def watch(self, run: str) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set whenever the run may have gone on."""
        wake = asyncio.Event()
        self._watchers[run].add(wake)
        try:
            yield wake
        finally:
            self._watchers[run].discard(wake)
            if not self._watchers[run]:
                del self._watchers[run]
                self._seen.pop(run, None)

    @contextlib.contextmanager
    def seat(self, credential: str) -> Iterator[None]:
        """Count a stream of somebody's for the length of a block.

        Raises:
            TooManyAtOnceError: there are as many as there may be.
        """
        if self._seats[credential] >= MOST_STREAMS:
            raise TooManyAtOnceError(
                "run.too_many_streams",
                say(
                    "You watch {most} runs at the same time already. Close one of them first.",
                    most=MOST_STREAMS,
                ),
            )
        self._seats[credential] += 1
        try:
            yield
        finally:
            self._seats[credential] -= 1
            if not self._seats[credential]:
                del self._seats[credential]

    async def run(self) -> None:
        """Wake watchers until cancelled, and then all of them for the last time."""
        loop = asyncio.get_running_loop()
        next_look = 0.0
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it may swallow a cancellation.
                    async with asyncio.timeout_at(next_look):
                        await self._is_nudged.wait()
                self._is_nudged.clear()
                runs = [it for it in self._nudged if it in self._watchers]
                self._nudged.clear()
                if loop.time() >= next_look:
                    runs, next_look = list(self._watchers), loop.time() + POLL_SECONDS
                if runs:
                    await self._look(runs)
        finally:
            self.is_closed = True
            for run in list(self._watchers):
                self._wake(run)

    async def _look(self, runs: Sequence[str]) -> None:
        try:
            async with self._database.transaction() as tx:
                newest = await self._runs.newest_sequences(tx, runs)
        except errors.UnavailableError:
            return  # watchers keep what they have; the next look tells them the rest
        for run, sequence in newest.items():
            if run in self._watchers and self._seen.get(run) != sequence:
                self._seen[run] = sequence
                self._wake(run)

    def _wake(self, run: str) -> None:
        for wake in self._watchers.get(run, ()):
            wake.set()


async def quiet(
    wake: asyncio.Event, *, until: float = math.inf, seconds: float = PING_SECONDS
) -> AsyncIterator[None]:
    """Yield whenever a ping is due, until there may be something to read, or time is up.

    Nothing is read for the sake of a ping: many quiet streams cost next to nothing.
    """
    loop = asyncio.get_running_loop()
    while not wake.is_set() and loop.time() < until:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(loop.time() + seconds, until)):
                await wake.wait()
        if not wake.is_set():
            yield


def again_later(wake: asyncio.Event, *, seconds: float = PING_SECONDS) -> None:
    """Let somebody who could not read try again: the feed tells of an event only once."""
    asyncio.get_running_loop().call_later(seconds, wake.set)
