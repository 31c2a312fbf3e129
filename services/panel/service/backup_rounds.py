"""Rounds: an operator is told when the newest backup of a deployment has become old."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.happenings import HappeningType

if TYPE_CHECKING:
    from datetime import timedelta

    from shared.clock import Clock
    from shared.database import Database

    from ..ports import BackupRegister
    from .happenings import Happenings

PAUSE_SECONDS: Final = 600.0
MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRounds:
    """Look how old backups are; any number of replicas may."""

    database: Database
    backups: BackupRegister
    happenings: Happenings
    clock: Clock
    age: timedelta
    """From which on a backup is old."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            found = 0
            with contextlib.suppress(errors.UnavailableError):
                found = await self.tell()
            if found < MOST_AT_ONCE:
                await asyncio.sleep(PAUSE_SECONDS)

    async def tell(self) -> int:
        """Tell of some that have become old, each once; return of how many."""
        now = self.clock.now()
        async with self.database.transaction() as tx:
            found = await self.backups.claim_stale(tx, now, now - self.age, MOST_AT_ONCE)
            for it in found:
                await self.happenings.tell_of_backup(tx, HappeningType.BACKUP_STALE, it)
        return len(found)
