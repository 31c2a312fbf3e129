"""The worker: claims jobs, keeps their leases, and hands each to a `Holding`.

Killed at any line, a job goes on in another worker at the step that was recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors, telemetry

from . import store
from .holding import Holding, LostError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.database import Database
    from shared.settings import RuntimeSettings

    from .model import Kind, Publish

Park = Callable[[store.Lease, Exception], Awaitable[None]]
"""Lets a job wait for a person, and says so."""
POLL_SECONDS: Final = 0.5
AT_ONCE: Final = 16


@dataclass(slots=True, kw_only=True)
class Worker:
    """Does the jobs of one service."""

    service: str
    database: Database
    kinds: Mapping[str, Kind]
    publish: Publish
    park: Park
    settings: RuntimeSettings
    running: dict[asyncio.Task[None], str] = field(default_factory=dict)
    """The tasks under way, and the id of the job that each does."""

    async def work(self) -> None:
        """Claim and do jobs until cancelled; what is under way is left to be resumed."""
        try:
            while True:
                self.database.jobs_nudge.clear()
                lease = await self._claim() if len(self.running) < AT_ONCE else None
                if lease is not None:
                    self._start(lease)
                    continue
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it may swallow a cancellation.
                    async with asyncio.timeout(POLL_SECONDS):
                        await self.database.jobs_nudge.wait()
        finally:
            under_way = list(self.running)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _claim(self) -> store.Lease | None:
        holder = f"{self.service}-{self.settings.instance}"
        seconds = self.settings.lease_seconds
        try:
            held = list(self.running.values())
            return await store.claim(self.database, holder, seconds, list(self.kinds), held)
        except errors.UnavailableError:
            return None

    def _start(self, lease: store.Lease) -> None:
        task = asyncio.create_task(self._hold(lease))
        self.running[task] = lease.id
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self.running[task]
        self.database.jobs_nudge.set()
        if not task.cancelled() and (error := task.exception()):
            telemetry.log.error("job_not_parked", exc_info=error)

    async def _hold(self, lease: store.Lease) -> None:
        """Do a job while another task keeps its lease; stop when either ends."""
        holding = Holding(
            service=self.service,
            database=self.database,
            kind=self.kinds[lease.row["kind"]],
            publish=self.publish,
            settings=self.settings,
            lease=lease,
        )
        work = asyncio.create_task(holding.do())
        keep = asyncio.create_task(self._keep(lease))
        try:
            await asyncio.wait({work, keep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            keep.cancel()
            outcome, _ = await asyncio.gather(work, keep, return_exceptions=True)
        if isinstance(outcome, Exception) and not isinstance(outcome, LostError):
            telemetry.log.error("job_broke_off", job=lease.id, exc_info=outcome)
            if not isinstance(outcome, errors.UnavailableError):
                # Not again: what broke is none of the failures that a job can have and tell.
                await self.park(holding.lease, outcome)

    async def _keep(self, lease: store.Lease) -> None:
        """Extend the lease; return when it is lost, or can no longer be known to be ours."""
        seconds = self.settings.lease_seconds
        loop = asyncio.get_running_loop()
        safe_until = loop.time() + seconds
        while loop.time() < safe_until:
            await asyncio.sleep(seconds / 3)
            asked = loop.time()
            with contextlib.suppress(errors.UnavailableError):
                if await store.extend(self.database, lease, seconds) is None:
                    return
                safe_until = asked + seconds
