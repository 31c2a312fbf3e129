"""Backups of a deployment in memory: what its machines and its operator do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from services.storage.domain.buckets import NewKey
from shared.contracts.storage import BackupCompleted, StateExportRequested, StorageReady
from tests.integration.storage.events import CHUNK, backup_requested, manifest, state_exported
from tests.support.fakes.object_store import FakeHolder

if TYPE_CHECKING:
    from shared.contracts.panel import BackupRequested
    from shared.contracts.state import CarriedApplication, Staging

    from .conftest import Rig

LIVE = {
    "pictures/1.png": b"one",
    "pictures/2.png": b"two",
    "pictures/cache/1.png": b"cached",
    "other/1": b"other",
}


async def given(rig: Rig) -> None:
    """Let a deployment have a bucket with objects."""
    await rig.answer(await rig.request("media"), StorageReady)
    rig.store.buckets[rig.name("media")] |= LIVE


def holder(rig: Rig, staging: Staging) -> FakeHolder:
    """Return the machine that was told where state lies."""
    key = NewKey(id=staging.granted.access_key_id, secret=SecretStr("x"))
    return FakeHolder(rig.store, key)


async def exported(rig: Rig, event: BackupRequested) -> StateExportRequested:
    """Ask for a backup, and write what a machine would write."""
    asked = await rig.ask(event, StateExportRequested)
    machine, bucket = holder(rig, asked.staging), asked.staging.granted.bucket
    for name, prefix in asked.staging.prefixes.items():
        await machine.put(bucket, f"{prefix}/manifest.json", manifest(asked.export, name))
        await machine.put(bucket, f"{prefix}/chunks/1", CHUNK)
    return asked


async def backed_up(rig: Rig, *applications: CarriedApplication) -> BackupCompleted:
    asked = await exported(rig, backup_requested(rig.deployment, *applications))
    return await rig.ask(state_exported(asked), BackupCompleted, number=2)
