"""A bucket is public exactly while the newest revision gives it a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.contracts.deployments import PublicBucket
from shared.contracts.failures import Outcome
from shared.contracts.storage import StorageFailed, StorageReady, StorageRemoved
from tests.support.fakes.object_store import FakeObjectStore

if TYPE_CHECKING:
    from .conftest import Rig

HOST: Final = "media-blog.garden.example"
PUBLIC: Final = {"media": HOST}


async def test_a_bucket_with_a_host_is_published_and_announced_with_its_place(rig: Rig) -> None:
    run = await rig.request("entries", "media", hosts=PUBLIC)

    ready = await rig.answer(run, StorageReady)

    assert {it.purpose: it.public for it in ready.buckets} == {
        "entries": None,
        "media": PublicBucket(host=HOST, url=f"http://store.example/{rig.name('media')}"),
    }
    assert rig.store.published == {rig.name("media")}


async def test_a_new_run_finds_it_published_and_announces_the_same(rig: Rig) -> None:
    first = await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)

    again = await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)

    assert again.buckets == first.buckets
    assert rig.store.published == {rig.name("media")}


async def test_a_publication_that_somebody_took_back_is_put_back_by_the_next_run(rig: Rig) -> None:
    await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)
    rig.store.published.clear()

    await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)

    assert rig.store.published == {rig.name("media")}


async def test_a_bucket_whose_host_a_later_revision_drops_is_closed(rig: Rig) -> None:
    await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)

    later = await rig.answer(await rig.request("media", revision=2), StorageReady)

    assert [it.public for it in later.buckets] == [None]
    assert rig.store.published == set()
    assert await rig.states() == {"media": "ready"}


async def test_a_bucket_that_was_opened_by_hand_is_closed_again(rig: Rig) -> None:
    await rig.answer(await rig.request("entries"), StorageReady)
    await rig.store.publish(rig.name("entries"))

    await rig.answer(await rig.request("entries"), StorageReady)

    assert rig.store.published == set()


async def test_another_host_of_a_later_revision_is_announced(rig: Rig) -> None:
    await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)
    moved = {"media": "media.garden.example"}

    ready = await rig.answer(await rig.request("media", revision=2, hosts=moved), StorageReady)

    assert [it.public.host for it in ready.buckets if it.public] == ["media.garden.example"]


async def test_two_buckets_with_one_host_fail_and_change_nothing(rig: Rig) -> None:
    hosts = {"media": HOST, "entries": HOST}

    failed = await rig.answer(await rig.request("media", "entries", hosts=hosts), StorageFailed)

    assert failed.failure.code == "bucket.host_shared"
    assert HOST in failed.failure.message
    assert failed.outcome is Outcome.UNCHANGED
    assert rig.store == FakeObjectStore()
    assert await rig.states() == {}


async def test_a_failure_after_others_may_read_a_bucket_is_partial(rig: Rig) -> None:
    await rig.answer(await rig.request("media"), StorageReady)
    rig.store.refused_keys = 1
    rig.store.holders.clear()

    failed = await rig.answer(await rig.request("media", revision=2, hosts=PUBLIC), StorageFailed)

    assert (failed.stage, failed.outcome) == ("key", Outcome.PARTIAL)
    assert rig.store.published == {rig.name("media")}


async def test_a_removal_closes_what_it_keeps(rig: Rig) -> None:
    rig.keep_for(days=30)
    await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)

    removed = await rig.answer(await rig.remove(), StorageRemoved)

    assert [it.bucket for it in removed.buckets_kept] == [rig.name("media")]
    assert rig.store.published == set()
    again = await rig.answer(await rig.request("media", revision=2), StorageReady)
    assert [it.public for it in again.buckets] == [None]
    assert rig.store.published == set()


async def test_a_removal_closes_also_what_the_newest_revision_did_not_use(rig: Rig) -> None:
    rig.keep_for(days=30)
    await rig.answer(await rig.request("media", hosts=PUBLIC), StorageReady)
    await rig.answer(await rig.request(revision=2), StorageReady)

    await rig.answer(await rig.remove(), StorageRemoved)

    assert rig.store.published == set()
