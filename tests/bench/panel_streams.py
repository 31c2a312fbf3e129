"""Streams: many people each watch a run, and every report is timed from the bus to the browser."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from services.panel.service.feed import MOST_STREAMS
from shared import clock
from shared.contracts.progress import Progress, StepState
from tests.bench.panel_pages import quantile
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.support.panel import PanelRig
    from tests.support.visitors import SignedIn

HELLO: Final = 50
"""Streams that are opened at once."""
PATIENCE_SECONDS: Final = 120.0
WITHIN_SECONDS: Final = 60.0
"""How long after the last report every one has to have arrived."""
MARK: Final = re.compile(rb"report ([0-9]+) of the bench")
LONGEST_LINE: Final = 2**20


@dataclass(kw_only=True)
class Watched:
    """What reached those who watch."""

    sent: dict[int, float] = field(default_factory=dict)
    """When each report left, by its number."""
    milliseconds: dict[int, float] = field(default_factory=dict)
    doubled: int = 0
    opened: int = 0
    ended: int = 0
    """Streams that ended although their run goes on."""
    busy_ms: float = 0.0
    """How long the panel computed meanwhile."""

    def arrived(self, number: int) -> None:
        """Note that a report was seen."""
        if number in self.milliseconds:
            self.doubled += 1
            return
        self.milliseconds[number] = (time.perf_counter() - self.sent[number]) * 1000

    @property
    def is_whole(self) -> bool:
        """Whether every report arrived, once."""
        return set(self.sent) == set(self.milliseconds) and not self.doubled and not self.ended

    def figures(self) -> dict[str, float]:
        """Return what is written about the streams."""
        arrived = list(self.milliseconds.values())
        return {
            "count": self.opened,
            "p50_ms": round(quantile(arrived, 50), 1),
            "p95_ms": round(quantile(arrived, 95), 1),
            "busy_ms": round(self.busy_ms / len(self.sent), 1),
            "reports": len(self.sent),
            "arrived": len(arrived),
        }


@asynccontextmanager
async def watching(panel: PanelRig, operator: str, runs: Sequence[str]) -> AsyncIterator[Watched]:
    """Watch every run as its page does, by as many people as it takes."""
    watched, gate = Watched(), asyncio.Semaphore(HELLO)
    tasks: list[asyncio.Task[None]] = []
    for at in range(0, len(runs), MOST_STREAMS):
        visitor = await panel.session(operator=operator)
        tasks += [
            asyncio.create_task(_watch(panel, visitor, run, watched, gate))
            for run in runs[at : at + MOST_STREAMS]
        ]
    try:
        await eventually(
            lambda: watched.opened == len(runs) or any(it.done() for it in tasks),
            within=PATIENCE_SECONDS,
        )
        yield watched
    finally:
        for it in tasks:
            it.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [it for it in outcomes if isinstance(it, Exception)]
    assert not failed, failed[0]


async def _watch(
    panel: PanelRig, visitor: SignedIn, run: str, watched: Watched, gate: asyncio.Semaphore
) -> None:
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", panel.port, limit=LONGEST_LINE)
        writer.write(_request(panel, visitor, run))
        status = await reader.readline()
        assert b" 200 " in status, status
        await reader.readuntil(b"retry:")
    watched.opened += 1
    try:
        while line := await reader.readline():
            for number in MARK.findall(line):
                watched.arrived(int(number))
        watched.ended += 1
    finally:
        writer.close()


def _request(panel: PanelRig, visitor: SignedIn, run: str) -> bytes:
    with_cookie = visitor.browser().headers["Cookie"]
    lines = (
        f"GET /runs/{run}/live?from=20 HTTP/1.1",
        f"Host: 127.0.0.1:{panel.port}",
        f"Cookie: {with_cookie}",
        "Sec-Fetch-Site: same-origin",
        "Accept: text/event-stream",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def report(
    panel: PanelRig, runs: Sequence[tuple[str, str]], watched: Watched, *, per_second: float
) -> None:
    """Report progress in every run as a service does, evenly; return when all was seen."""
    async with panel.bus.connect("deployer") as connection:
        began = time.perf_counter()
        for number, (run, deployment) in enumerate(runs):
            await asyncio.sleep(began + number / per_second - time.perf_counter())
            told = _progress(run, deployment, number)
            watched.sent[number] = time.perf_counter()
            await connection.send(told.subject, told.model_dump_json().encode())
    await eventually(lambda: len(watched.milliseconds) == len(runs), within=WITHIN_SECONDS)


def _progress(run: str, deployment: str, number: int) -> Progress:
    return Progress(
        deployment=deployment,
        run=run,
        service="deployer",
        step="build",
        state=StepState.RUNNING,
        lines=(f"report {number} of the bench",),
        at=clock.system.now().isoformat(),
    )
