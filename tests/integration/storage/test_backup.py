"""A backup is complete or it does not exist, and nobody has a key that could change it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.contracts.failures import Outcome
from shared.contracts.panel import CancelRequested
from shared.contracts.progress import StepState
from shared.contracts.state import BackedUpApplication, CarriedApplication, CarriedBucket
from shared.contracts.storage import (
    BackupCompleted,
    BackupRemoved,
    StateExportRequested,
    StorageFailed,
    StorageReady,
    StorageRemoved,
)
from tests.integration.storage.backups import backed_up, exported, given, holder
from tests.integration.storage.events import (
    HELLO,
    SEALED,
    backup_removal_requested,
    backup_requested,
    deployment_failed,
    state_exported,
)
from tests.support.eventually import eventually
from tests.support.fakes.object_store import DeniedError

if TYPE_CHECKING:
    from services.storage.domain.objects import Place

    from .conftest import Rig


async def without_leftovers(rig: Rig) -> None:
    """Wait until there is nothing but the bucket of the deployment and its key."""
    bucket = rig.name("media")

    async def is_clear() -> bool:
        async with rig.database.transaction() as tx:
            rows = await tx.fetchval("select count(*) from backups")
            watches = await tx.fetchval("select count(*) from watches")
        return (set(rig.store.buckets), set(rig.store.holders), rows, watches) == (
            {bucket},
            {bucket},
            0,
            0,
        )

    await eventually(is_clear, within=10)


async def test_a_machine_is_given_a_bucket_that_only_it_can_write_to(rig: Rig) -> None:
    await given(rig)
    event = backup_requested(rig.deployment)

    asked = await rig.ask(event, StateExportRequested)

    granted = asked.staging.granted
    assert (granted.application, granted.purpose) == ("", event.backup)
    assert granted.bucket == f"fdv-{rig.deployment}-{event.backup}"
    assert asked.staging.prefixes == {"hello": "state/hello"}
    assert (asked.export, asked.applications, asked.recipient) == (
        event.backup,
        ("hello",),
        "deployer",
    )
    await holder(rig, asked.staging).put(granted.bucket, "state/hello/x", b"x")
    with pytest.raises(DeniedError):
        await holder(rig, asked.staging).get(rig.name("media"), "pictures/1.png")


async def test_a_complete_backup_holds_state_objects_and_an_index_of_them(rig: Rig) -> None:
    await given(rig)

    done = await backed_up(rig)

    content = rig.store.buckets[f"fdv-{rig.deployment}-{done.backup}"]
    assert {key for key in content if key != "index.json"} == {
        "state/hello/manifest.json",
        "state/hello/chunks/1",
        "objects/hello/media/pictures/1.png",
        "objects/hello/media/pictures/2.png",
    }
    index = json.loads(content["index.json"])
    assert {it["key"]: it["size"] for it in index["objects"]} == {
        key: len(value) for key, value in content.items() if key != "index.json"
    }
    assert (index["format"], index["backup"], index["deployment"]) == (
        "fediversity-backup",
        done.backup,
        rig.deployment,
    )
    assert SEALED not in content["index.json"].decode()
    assert done.bytes == sum(map(len, content.values()))
    assert done.applications == (
        BackedUpApplication(
            application="hello",
            version="1.0.0",
            rows=3,
            files=2,
            objects=2,
            bytes=106,
            not_included=(
                "rows of the table sessions",
                "all but pictures/ of the bucket media",
                "pictures/cache/ of the bucket media",
            ),
        ),
    )


async def test_nobody_can_change_what_is_complete(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))
    machine, bucket = holder(rig, asked.staging), asked.staging.granted.bucket
    could_write = []

    def look(_: Place) -> None:
        could_write.append(bucket in rig.store.holders)

    rig.copier.before_copy = look
    await rig.ask(state_exported(asked), BackupCompleted, number=2)

    assert set(rig.store.holders) == {rig.name("media")}
    assert could_write == [False, False]
    with pytest.raises(DeniedError):
        await machine.put(bucket, "state/hello/chunks/1", b"other")


async def test_an_application_without_objects_is_backed_up_too(rig: Rig) -> None:
    await rig.answer(await rig.request(), StorageReady)
    plain = CarriedApplication(application="hello", version="1.0.0")

    done = await backed_up(rig, plain)

    assert [(it.application, it.objects) for it in done.applications] == [("hello", 0)]


async def test_a_bucket_that_the_deployment_does_not_have_is_named_as_not_included(
    rig: Rig,
) -> None:
    await given(rig)
    more = HELLO.model_copy(update={"buckets": (CarriedBucket(purpose="avatars"),)})

    done = await backed_up(rig, more)

    said = done.applications[0].not_included
    assert "bucket avatars, which the deployment does not have" in said


async def test_an_object_that_is_deleted_meanwhile_is_left_out(rig: Rig) -> None:
    await given(rig)
    live = rig.store.buckets[rig.name("media")]

    def delete(_: Place) -> None:
        live.pop("pictures/1.png", None)

    rig.copier.before_copy = delete

    done = await backed_up(rig)

    assert done.applications[0].objects == 1


async def test_a_backup_goes_on_where_a_crash_interrupted_it(quiet: Rig) -> None:
    async with quiet.working():
        await given(quiet)
        asked = await exported(quiet, backup_requested(quiet.deployment))

        def lose_the_store(_: Place) -> None:
            quiet.store.is_away = quiet.copier.copies == 1

        quiet.copier.before_copy = lose_the_store
        await quiet.tell(state_exported(asked))
        await eventually(
            lambda: any(it.state is StepState.RETRYING for it in quiet.reports), within=10
        )
    quiet.store.is_away, quiet.copier.before_copy = False, None

    async with quiet.working():
        done = await quiet.answer(asked.run, BackupCompleted, number=2)

    assert done.applications[0].objects == 2
    assert quiet.copier.copies == 2


async def test_an_export_of_another_run_is_ignored(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))
    another = replace(rig, deployment=ids.new_id())
    unknown = asked.model_copy(update={"export": ids.new_id()})
    foreign = asked.model_copy(update={"deployment": another.deployment})

    for late in (state_exported(asked, run=ids.new_id()), *map(state_exported, (unknown, foreign))):
        await rig.tell(late)
    done = await rig.ask(state_exported(asked), BackupCompleted, number=2)
    await rig.tell(state_exported(asked))

    assert done.run == asked.run
    assert len(await rig.said(asked.run)) == 2


async def test_an_application_that_was_not_exported_fails_the_backup(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))
    nothing = state_exported(asked).model_copy(update={"applications": ()})

    failed = await rig.ask(nothing, StorageFailed, number=2)

    assert (failed.stage, failed.failure.code) == ("verify", "backup.not_exported")
    await without_leftovers(rig)


async def test_a_manifest_that_is_not_the_one_that_was_exported_fails_the_backup(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))
    rig.store.buckets[asked.staging.granted.bucket]["state/hello/manifest.json"] = b"other"

    failed = await rig.ask(state_exported(asked), StorageFailed, number=2)

    assert (failed.stage, failed.failure.code) == ("verify", "backup.manifest_differs")
    assert failed.outcome is Outcome.UNCHANGED
    await without_leftovers(rig)


async def test_an_export_that_fails_at_deployer_leaves_nothing(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))

    await rig.tell(deployment_failed(asked))

    await without_leftovers(rig)
    await rig.tell(state_exported(asked))
    assert await rig.said(asked.run) == [asked]


async def test_an_export_that_deployer_never_heard_of_leaves_nothing(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))

    await rig.hear_discarded(asked)

    await without_leftovers(rig)


async def test_the_failure_of_another_run_leaves_a_backup_alone(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))

    await rig.tell(deployment_failed(asked.model_copy(update={"run": ids.new_id()})))

    await rig.ask(state_exported(asked), BackupCompleted, number=2)


async def test_a_backup_that_storage_cannot_make_leaves_nothing(rig: Rig) -> None:
    await given(rig)
    rig.store.refused_keys = 1

    failed = await rig.ask(backup_requested(rig.deployment), StorageFailed)

    assert (failed.stage, failed.outcome) == ("key", Outcome.UNCHANGED)
    await without_leftovers(rig)


async def test_leftovers_are_cleared_when_the_store_is_back(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))
    rig.store.is_away = True
    await rig.tell(deployment_failed(asked))
    rig.store.refusals = 3

    rig.store.is_away = False

    await without_leftovers(rig)


async def test_a_backup_that_a_later_run_has_overtaken_leaves_nothing(rig: Rig) -> None:
    await given(rig)
    await exported(rig, backup_requested(rig.deployment))

    await rig.answer(await rig.request("media", revision=2), StorageReady)

    await without_leftovers(rig)


async def test_a_cancelled_backup_leaves_nothing(rig: Rig) -> None:
    await given(rig)
    asked = await exported(rig, backup_requested(rig.deployment))
    await rig.tell(CancelRequested(deployment=rig.deployment, run=asked.run))

    failed = await rig.ask(state_exported(asked), StorageFailed, number=2)

    assert failed.failure.code == "cancelled"
    await without_leftovers(rig)


async def test_an_id_that_is_taken_or_is_none_is_refused(rig: Rig) -> None:
    await given(rig)
    done = await backed_up(rig)
    other = replace(rig, deployment=ids.new_id())
    before = {name: dict(it) for name, it in rig.store.buckets.items()}

    taken = backup_requested(rig.deployment, backup=done.backup)
    for refused in (
        await rig.ask(taken, StorageFailed),
        await other.ask(backup_requested(other.deployment, backup=done.backup), StorageFailed),
        await rig.ask(backup_requested(rig.deployment, backup="hello-media"), StorageFailed),
    ):
        assert (refused.stage, refused.outcome) == ("bucket", Outcome.UNCHANGED)

    assert rig.store.buckets == before
    assert await rig.states() == {"media": "ready"}


async def test_a_removal_of_the_deployment_leaves_complete_backups_and_no_key(rig: Rig) -> None:
    await given(rig)
    done = await backed_up(rig)
    half = await exported(rig, backup_requested(rig.deployment))

    await rig.answer(await rig.remove(), StorageRemoved)

    assert set(rig.store.buckets) == {f"fdv-{rig.deployment}-{done.backup}"}
    assert rig.store.holders == {}
    assert half.export != done.backup


async def test_a_backup_is_removed_also_when_its_deployment_is_gone(rig: Rig) -> None:
    await given(rig)
    done = await backed_up(rig)
    await rig.answer(await rig.remove(), StorageRemoved)

    for _ in range(2):
        event = backup_removal_requested(rig.deployment, done.backup)
        assert (await rig.ask(event, BackupRemoved)).backup == done.backup

    assert (rig.store.buckets, rig.store.holders) == ({}, {})


async def test_a_backup_is_not_removed_for_somebody_else(rig: Rig) -> None:
    await given(rig)
    done = await backed_up(rig)
    other = replace(rig, deployment=ids.new_id())
    before = {name: dict(it) for name, it in rig.store.buckets.items()}

    for event, who in (
        (backup_removal_requested(rig.deployment, done.backup, operator=ids.new_id()), rig),
        (backup_removal_requested(other.deployment, done.backup), other),
    ):
        failed = await who.ask(event, StorageFailed)
        assert (failed.failure.code, failed.outcome) == ("backup.unknown", Outcome.UNCHANGED)

    assert rig.store.buckets == before


async def test_a_removal_of_a_backup_that_fails_half_way_says_so_and_can_be_repeated(
    rig: Rig,
) -> None:
    await given(rig)
    done = await backed_up(rig)
    rig.store.refusals = 1

    failed = await rig.ask(backup_removal_requested(rig.deployment, done.backup), StorageFailed)

    assert failed.outcome is Outcome.PARTIAL
    await rig.ask(backup_removal_requested(rig.deployment, done.backup), BackupRemoved)
    assert set(rig.store.buckets) == {rig.name("media")}
