"""Restores of a deployment in memory: what its machines and its operator do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.failures import Outcome
from shared.contracts.storage import StateImportRequested, StorageFailed
from tests.integration.storage.events import restore_requested
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from shared.contracts.storage import BackupCompleted

    from .conftest import Rig

CHANGED = {
    "pictures/2.png": b"another two",
    "pictures/3.png": b"three",
    "pictures/cache/3.png": b"cached",
    "other/3": b"other",
}


@dataclass(frozen=True)
class World:
    """A deployment whose objects have changed since its backup."""

    rig: Rig
    backup: BackupCompleted

    @property
    def live(self) -> dict[str, bytes]:
        return self.rig.store.buckets[self.rig.name("media")]

    @property
    def saved(self) -> dict[str, bytes]:
        return self.rig.store.buckets[self.bucket]

    @property
    def bucket(self) -> str:
        return f"fdv-{self.rig.deployment}-{self.backup.backup}"

    async def lent(self) -> StateImportRequested:
        wanted = restore_requested(self.rig.deployment, self.backup.backup)
        return await self.rig.ask(wanted, StateImportRequested)

    async def refused(self, code: str, **asked: str) -> None:
        """Let a restore be asked for that must be refused before anything is touched."""
        before = {name: dict(it) for name, it in self.rig.store.buckets.items()}
        holders = {name: set(it) for name, it in self.rig.store.holders.items()}
        wanted = restore_requested(self.rig.deployment, self.backup.backup)

        failed = await self.rig.ask(wanted.model_copy(update=asked), StorageFailed)

        assert (failed.stage, failed.failure.code) == ("key", code)
        assert failed.outcome is Outcome.UNCHANGED
        assert self.rig.store.buckets == before
        assert self.rig.store.holders == holders

    async def without_loans(self) -> None:
        """Wait until nobody has a key of the backup."""

        async def is_clear() -> bool:
            async with self.rig.database.transaction() as tx:
                rows = await tx.fetchval("select count(*) from loans")
            names = [it for it in self.rig.store.holders if it.endswith(self.backup.backup)]
            return not rows and not names

        await eventually(is_clear, within=10)
        assert self.bucket in self.rig.store.buckets
