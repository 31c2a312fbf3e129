"""A revision gets its buckets with one key each, however often and late things go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import sealing
from shared.contracts.failures import Outcome
from shared.contracts.progress import StepState
from shared.contracts.storage import StorageFailed, StorageReady
from tests.support.eventually import eventually
from tests.support.fakes.object_store import FakeObjectStore

if TYPE_CHECKING:
    from .conftest import Rig


async def test_a_request_is_answered_with_its_buckets_and_sealed_keys(rig: Rig) -> None:
    ready = await rig.answer(await rig.request("entries", "media"), StorageReady)

    assert [it.purpose for it in ready.buckets] == ["entries", "media"]
    assert set(rig.store.buckets) == {rig.name("entries"), rig.name("media")}
    assert rig.store.holders == {it.bucket: {it.access_key_id} for it in ready.buckets}
    assert {(it.application, it.endpoint, it.region) for it in ready.buckets} == {
        ("hello", "http://store.example", "us-east-1")
    }
    assert "secret-" not in ready.model_dump_json()
    assert all(sealing.is_sealed(it.sealed_secret_key) for it in ready.buckets)
    assert await rig.states() == {"entries": "ready", "media": "ready"}


async def test_a_cancelled_run_makes_nothing_and_is_answered(quiet: Rig) -> None:
    run = await quiet.request("entries")
    await quiet.cancel(run)

    async with quiet.working():
        failed = await quiet.answer(run, StorageFailed)

    assert (failed.failure.code, failed.outcome) == ("cancelled", Outcome.UNCHANGED)
    assert quiet.store.buckets == {}


async def test_a_revision_without_buckets_is_answered_too(rig: Rig) -> None:
    ready = await rig.answer(await rig.request(), StorageReady)

    assert ready.buckets == ()


async def test_a_new_run_of_a_revision_announces_the_same_key_again(rig: Rig) -> None:
    first = await rig.answer(await rig.request("entries"), StorageReady)

    again = await rig.answer(await rig.request("entries"), StorageReady)

    assert again.run != first.run
    assert again.buckets == first.buckets
    assert rig.store.holders == {rig.name("entries"): {first.buckets[0].access_key_id}}


async def test_a_key_that_somebody_deleted_is_replaced_by_the_next_run(rig: Rig) -> None:
    first = await rig.answer(await rig.request("entries"), StorageReady)
    await rig.store.revoke(rig.name("entries"))

    again = await rig.answer(await rig.request("entries"), StorageReady)

    assert again.buckets[0].access_key_id != first.buckets[0].access_key_id
    assert rig.store.holders == {rig.name("entries"): {again.buckets[0].access_key_id}}


async def test_a_key_whose_answer_was_lost_does_not_stay(rig: Rig) -> None:
    rig.store.lost_answers = 2

    ready = await rig.answer(await rig.request("entries"), StorageReady)

    assert rig.store.holders == {rig.name("entries"): {ready.buckets[0].access_key_id}}
    assert StepState.RETRYING in {it.state for it in rig.reports}


async def test_a_bucket_that_a_revision_no_longer_wants_keeps_data_and_key(rig: Rig) -> None:
    first = await rig.answer(await rig.request("entries"), StorageReady)
    rig.store.buckets[rig.name("entries")]["entries/1"] = b"hello"

    second = await rig.answer(await rig.request(revision=2), StorageReady)

    assert second.buckets == ()
    assert await rig.states() == {"entries": "unused"}
    assert rig.store.buckets == {rig.name("entries"): {"entries/1": b"hello"}}
    third = await rig.answer(await rig.request("entries", revision=3), StorageReady)
    assert third.buckets == first.buckets
    assert await rig.states() == {"entries": "ready"}


async def test_requests_that_would_share_a_bucket_fail_and_change_nothing(rig: Rig) -> None:
    failed = await rig.answer(await rig.request("entries", "entries"), StorageFailed)

    assert failed.failure.code == "bucket.shared"
    assert (failed.revision, failed.outcome) == (1, Outcome.UNCHANGED)
    assert rig.store == FakeObjectStore()
    assert await rig.states() == {}


async def test_a_failure_while_buckets_are_made_is_partial(rig: Rig) -> None:
    rig.store.refusals = 1

    failed = await rig.answer(await rig.request("entries"), StorageFailed)

    assert (failed.stage, failed.failure.code) == ("bucket", "store.refused")
    assert failed.outcome is Outcome.PARTIAL


async def test_a_failure_where_all_was_there_changes_nothing_and_a_retry_succeeds(rig: Rig) -> None:
    first = await rig.answer(await rig.request("entries"), StorageReady)
    rig.store.refusals = 1

    failed = await rig.answer(await rig.request("entries"), StorageFailed)

    assert failed.outcome is Outcome.UNCHANGED
    again = await rig.answer(await rig.request("entries"), StorageReady)
    assert again.buckets == first.buckets


async def test_a_store_that_left_the_provider_file_is_named(rig: Rig) -> None:
    await rig.answer(await rig.request("entries"), StorageReady)
    rig.offered["new"] = rig.offered.pop("local")

    failed = await rig.answer(await rig.request("entries"), StorageFailed)

    assert failed.failure.code == "store.unknown"
    assert "put it back" in failed.failure.message


async def test_work_that_a_crash_interrupted_is_taken_up_again(quiet: Rig) -> None:
    quiet.store.is_away = True
    run = await quiet.request("entries")
    async with quiet.working():
        await _until_retrying(quiet)
    quiet.store.is_away = False

    async with quiet.working():
        ready = await quiet.answer(run, StorageReady)

    assert quiet.store.holders == {quiet.name("entries"): {ready.buckets[0].access_key_id}}


async def _until_retrying(rig: Rig) -> None:
    await eventually(lambda: any(it.state is StepState.RETRYING for it in rig.reports), within=10)
