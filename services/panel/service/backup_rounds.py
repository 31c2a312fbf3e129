"""Rounds: an operator is told when the newest backup of a deployment has become old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.contracts.happenings import HappeningType

from .rounds import go_round

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
        await go_round(self.tell, most=MOST_AT_ONCE, pause_seconds=PAUSE_SECONDS)

    async def tell(self) -> int:
        """Tell of some that have become old, each once; return of how many."""
        now = self.clock.now()
        async with self.database.transaction() as tx:
            found = await self.backups.claim_stale(tx, now, now - self.age, MOST_AT_ONCE)
            for it in found:
                await self.happenings.tell_of_backup(tx, HappeningType.BACKUP_STALE, it)
        return len(found)
