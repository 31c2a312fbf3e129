"""What is kept goes when its time has come, and holds up nothing that a person asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.progress import StepState
from shared.contracts.storage import BackupCompleted, BackupRemoved, StorageReady, StorageRemoved
from tests.integration.storage.backups import backed_up, exported, given
from tests.integration.storage.events import (
    backup_removal_requested,
    backup_requested,
    state_exported,
)
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from shared.contracts.panel import BackupRemovalRequested

    from .conftest import Rig


async def kept(rig: Rig) -> BackupRemovalRequested:
    """Let a removed deployment have a kept bucket and a backup; return what takes that away.

    Panel has asked for it already, and storage has not heard of it yet.
    """
    rig.keep_for(days=30)
    await given(rig)
    done = await backed_up(rig)
    await rig.answer(await rig.remove(), StorageRemoved)
    return backup_removal_requested(rig.deployment, done.backup)


async def come_due(rig: Rig) -> None:
    async with rig.database.transaction() as tx:
        await tx.execute("update buckets set kept_until = now() where kept_until is not null")


async def until_purged(rig: Rig) -> None:
    async def is_gone() -> bool:
        async with rig.database.transaction() as tx:
            watches = await tx.fetchval("select count(*) from watches where kind = 'retention'")
        return rig.name("media") not in {*await rig.states(), *rig.store.buckets} and not watches

    await eventually(is_gone, within=10)


async def test_a_kept_bucket_is_deleted_when_its_time_has_come(rig: Rig) -> None:
    await kept(rig)

    await come_due(rig)

    await until_purged(rig)
    assert await rig.states() == {}


async def test_a_purge_that_failed_is_tried_again(rig: Rig) -> None:
    await kept(rig)
    rig.store.refusals = 2

    await come_due(rig)

    await until_purged(rig)


async def test_a_purge_before_the_removal_of_a_backup_is_heard_of_costs_neither(rig: Rig) -> None:
    removal = await kept(rig)

    await come_due(rig)
    await until_purged(rig)

    await rig.ask(removal, BackupRemoved)
    assert (rig.store.buckets, rig.store.holders) == ({}, {})


async def test_a_purge_due_in_the_middle_of_the_removal_of_a_backup_costs_neither(
    rig: Rig,
) -> None:
    removal = await kept(rig)
    rig.store.is_away = True
    await rig.tell(removal)
    await eventually(lambda: any(it.state is StepState.RETRYING for it in rig.reports), within=10)

    await come_due(rig)
    rig.store.is_away = False

    await rig.answer(removal.run, BackupRemoved)
    await until_purged(rig)
    assert (rig.store.buckets, rig.store.holders) == ({}, {})


async def test_a_purge_in_the_middle_of_a_backup_costs_neither(rig: Rig) -> None:
    rig.keep_for(days=30)
    await rig.answer(await rig.request("entries", "media"), StorageReady)
    await rig.answer(await rig.remove(), StorageRemoved)
    await rig.answer(await rig.request("media", revision=2), StorageReady)
    asked = await exported(rig, backup_requested(rig.deployment))

    await come_due(rig)
    await eventually(lambda: rig.name("entries") not in rig.store.buckets, within=10)

    await rig.ask(state_exported(asked), BackupCompleted, number=2)
    assert rig.name("media") in rig.store.buckets


async def test_a_kept_bucket_that_is_asked_for_again_comes_back_with_its_data(rig: Rig) -> None:
    await kept(rig)
    before = dict(rig.store.buckets[rig.name("media")])

    await rig.answer(await rig.request("media", revision=2), StorageReady)
    await come_due(rig)

    assert before
    assert rig.store.buckets[rig.name("media")] == before
    assert await rig.states() == {"media": "ready"}


async def test_a_bucket_that_is_asked_for_while_it_is_purged_is_there_and_known(rig: Rig) -> None:
    await kept(rig)
    runs: list[str] = []

    async def ask_again() -> None:
        runs.append(await rig.request("media", revision=2))

    rig.store.before_deletion = ask_again
    await come_due(rig)
    await eventually(lambda: bool(runs), within=10)

    await rig.answer(runs[0], StorageReady)
    assert await rig.states() == {"media": "ready"}
    assert rig.name("media") in rig.store.buckets
