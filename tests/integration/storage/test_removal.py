"""A removal takes all access at once, and data at once or when its time has come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared import ids
from shared.contracts.failures import Outcome
from shared.contracts.storage import StorageFailed, StorageReady, StorageRemoved
from tests.support.fakes.object_store import FakeObjectStore

if TYPE_CHECKING:
    from .conftest import Rig


async def given(rig: Rig, *purposes: str) -> StorageReady:
    ready = await rig.answer(await rig.request(*purposes), StorageReady)
    for it in ready.buckets:
        rig.store.buckets[it.bucket]["entries/1"] = b"hello"
    return ready


async def test_without_retention_nothing_is_left(rig: Rig) -> None:
    await given(rig, "entries", "media")

    removed = await rig.answer(await rig.remove(), StorageRemoved)

    assert removed.buckets_kept == ()
    assert (rig.store.buckets, rig.store.holders) == ({}, {})
    assert await rig.states() == {}


async def test_removing_what_never_had_buckets_is_answered_too(rig: Rig) -> None:
    removed = await rig.answer(await rig.remove(), StorageRemoved)

    assert removed.buckets_kept == ()


async def test_an_unused_bucket_goes_as_well(rig: Rig) -> None:
    await given(rig, "entries")
    await rig.answer(await rig.request(revision=2), StorageReady)

    await rig.answer(await rig.remove(), StorageRemoved)

    assert (rig.store.buckets, rig.store.holders) == ({}, {})


async def test_another_deployment_keeps_everything(rig: Rig) -> None:
    await given(rig, "entries")
    other = replace(rig, deployment=ids.new_id())
    theirs = await given(other, "entries")

    await rig.answer(await rig.remove(), StorageRemoved)

    assert rig.store.buckets == {theirs.buckets[0].bucket: {"entries/1": b"hello"}}
    assert rig.store.holders == {theirs.buckets[0].bucket: {theirs.buckets[0].access_key_id}}


async def test_with_retention_data_stays_for_the_promised_time_and_access_goes(rig: Rig) -> None:
    rig.keep_for(days=30)
    await given(rig, "entries")

    removed = await rig.answer(await rig.remove(), StorageRemoved)

    [kept] = removed.buckets_kept
    promised = datetime.fromisoformat(kept.until) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < promised < timedelta(days=30, hours=1)
    assert rig.store.buckets == {kept.bucket: {"entries/1": b"hello"}}
    assert rig.store.holders == {}
    assert await rig.states() == {"entries": "kept"}


async def test_a_second_removal_does_not_prolong_the_time(rig: Rig) -> None:
    rig.keep_for(days=30)
    await given(rig, "entries")
    first = await rig.answer(await rig.remove(), StorageRemoved)
    rig.keep_for(days=60)

    second = await rig.answer(await rig.remove(), StorageRemoved)

    assert second.buckets_kept == first.buckets_kept


async def test_what_was_never_announced_is_not_kept(rig: Rig) -> None:
    rig.keep_for(days=30)
    rig.store.refusals = 1
    await rig.answer(await rig.request("entries"), StorageFailed)

    removed = await rig.answer(await rig.remove(), StorageRemoved)

    assert removed.buckets_kept == ()
    assert rig.store == FakeObjectStore()


async def test_a_removal_that_fails_says_that_access_is_partly_gone(rig: Rig) -> None:
    await given(rig, "entries")
    rig.store.refusals = 1

    failed = await rig.answer(await rig.remove(), StorageFailed)

    assert (failed.revision, failed.stage) == (None, "key")
    assert failed.outcome is Outcome.PARTIAL
    await rig.answer(await rig.remove(), StorageRemoved)
    assert (rig.store.buckets, rig.store.holders) == ({}, {})
