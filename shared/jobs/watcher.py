"""Watches: look after every deployment again and again, one replica at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, telemetry

from . import store

if TYPE_CHECKING:
    from shared.database import Database

    from .model import Watch

LEASE_SECONDS: Final = 30.0
SAFETY_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 0.5
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Looks after the deployments that have a watch of one name."""

    database: Database
    watch: Watch

    async def run(self) -> None:
        """Look until cancelled, a few deployments at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._lane())

    async def _lane(self) -> None:
        while True:
            try:
                looked = await self._next()
            except errors.UnavailableError:
                looked = False
            if not looked:
                await asyncio.sleep(IDLE_SECONDS)

    async def _next(self) -> bool:
        name = self.watch.name
        deployment = await store.claim_watch(self.database, name, LEASE_SECONDS)
        if deployment is None:
            return False
        task = asyncio.ensure_future(self._look(deployment))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            await asyncio.wait({task})
        if error := task.exception():
            # A look that failed is repeated; it must not end the service.
            telemetry.log.warning(
                "watch_failed", watch=name, deployment=deployment, reason=str(error)
            )
        await store.release_watch(self.database, name, deployment, self.watch.every_seconds)
        # A job of this deployment may have waited for the look to end.
        self.database.jobs_nudge.set()
        return True

    async def _look(self, deployment: str) -> None:
        """Look for no longer than the lease: after that a job, or another look, may act."""
        async with asyncio.timeout(LEASE_SECONDS - SAFETY_SECONDS):
            await self.watch.look(deployment)
