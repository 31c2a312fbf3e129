"""A restore changes nothing before all of the backup was seen, and little before it has worked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.contracts.failures import Outcome
from shared.contracts.panel import CancelRequested
from shared.contracts.progress import StepState
from shared.contracts.state import CarriedApplication
from shared.contracts.storage import (
    BackupRemoved,
    RestoreCompleted,
    StateImportRequested,
    StorageFailed,
    StorageReady,
    StorageRemoved,
)
from tests.integration.storage.backups import LIVE, backed_up, exported, given, holder
from tests.integration.storage.events import (
    HELLO,
    RULE,
    SEALED,
    backup_removal_requested,
    backup_requested,
    deployment_failed,
    manifest,
    restore_requested,
    state_imported,
)
from tests.integration.storage.restores import CHANGED, World
from tests.support.eventually import eventually
from tests.support.fakes.object_store import DeniedError

if TYPE_CHECKING:
    from services.storage.domain.objects import Place

    from .conftest import Rig


async def test_a_machine_may_read_the_backup_and_nothing_else(world: World) -> None:
    asked = await world.lent()

    machine = holder(world.rig, asked.staging)
    assert asked.staging.granted.bucket == world.bucket
    assert await machine.get(world.bucket, "state/hello/manifest.json") == manifest(
        world.backup.backup
    )
    for attempt in (
        machine.put(world.bucket, "state/hello/manifest.json", b"x"),
        machine.delete(world.bucket, "index.json"),
        machine.get(world.rig.name("media"), "pictures/3.png"),
    ):
        with pytest.raises(DeniedError):
            await attempt


async def test_deployer_is_told_what_it_said_of_the_export(world: World) -> None:
    asked = await world.lent()

    [application] = asked.applications
    assert (application.application, application.manifest) == ("hello", "state/hello/manifest.json")
    assert application.sealed_password == application.secrets[0].sealed == SEALED
    assert (asked.export, asked.staging.prefixes) == (
        world.backup.backup,
        {"hello": "state/hello"},
    )


async def test_before_the_import_objects_are_only_added(world: World) -> None:
    await world.lent()

    assert world.live == {"pictures/1.png": b"one", **CHANGED}


async def test_after_the_import_the_objects_are_those_of_the_backup(world: World) -> None:
    asked = await world.lent()

    done = await world.rig.ask(state_imported(asked), RestoreCompleted, number=2)

    assert world.live == {
        "pictures/1.png": LIVE["pictures/1.png"],
        "pictures/2.png": LIVE["pictures/2.png"],
        "pictures/cache/3.png": b"cached",
        "other/3": b"other",
    }
    assert done.backup == world.backup.backup
    assert done.applications == world.backup.applications
    await world.without_loans()


async def test_what_people_brought_while_it_was_restored_stays(world: World) -> None:
    asked = await world.lent()
    brought = {"pictures/2.png": b"changed again", "pictures/9.png": b"brought"}
    world.live.update(brought)

    await world.rig.ask(state_imported(asked), RestoreCompleted, number=2)

    assert {name: world.live[name] for name in brought} == brought


async def test_a_restore_that_changes_nothing_copies_nothing(rig: Rig) -> None:
    await given(rig)
    world = World(rig, await backed_up(rig))
    rig.copier.copies = 0

    asked = await world.lent()
    await rig.ask(state_imported(asked), RestoreCompleted, number=2)

    assert rig.copier.copies == 0
    assert world.live == LIVE


async def test_what_the_backup_was_not_told_to_carry_is_left_alone(rig: Rig) -> None:
    await given(rig)
    narrow = RULE.model_copy(update={"prefixes": ("pictures/1",)})
    world = World(rig, await backed_up(rig, HELLO.model_copy(update={"buckets": (narrow,)})))

    asked = await world.lent()
    await rig.ask(state_imported(asked), RestoreCompleted, number=2)

    assert world.live == LIVE


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("index.json", None),
        ("index.json", b"{}"),
        ("state/hello/chunks/1", None),
        ("state/hello/chunks/1", b"rowt"),
        ("objects/hello/media/pictures/1.png", None),
        ("objects/hello/media/pictures/1.png", b"onf"),
    ],
)
async def test_a_damaged_backup_is_refused_before_anything_is_touched(
    world: World, key: str, content: bytes | None
) -> None:
    del world.saved[key]
    if content is not None:
        world.saved[key] = content

    await world.refused("backup.damaged")


async def test_a_backup_that_is_not_this_operators_is_refused(world: World) -> None:
    await world.refused("backup.unknown", operator=ids.new_id())
    await world.refused("backup.unknown", source=ids.new_id())
    await world.refused("backup.unknown", backup=ids.new_id())


async def test_an_application_that_the_backup_does_not_have_is_refused(world: World) -> None:
    other = CarriedApplication(application="other", version="1.0.0")
    wanted = restore_requested(world.rig.deployment, world.backup.backup, HELLO, other)

    failed = await world.rig.ask(wanted, StorageFailed)

    assert failed.failure.code == "backup.application_missing"
    assert "other" in failed.failure.message
    assert world.live == CHANGED


async def test_a_backup_that_is_not_complete_is_refused(world: World) -> None:
    half = await exported(world.rig, backup_requested(world.rig.deployment))
    wanted = restore_requested(world.rig.deployment, half.export)

    failed = await world.rig.ask(wanted, StorageFailed)

    assert failed.failure.code == "backup.incomplete"
    assert world.live == CHANGED


async def test_a_deployment_without_the_bucket_is_refused(world: World) -> None:
    other = replace(world.rig, deployment=ids.new_id())
    wanted = restore_requested(other.deployment, world.backup.backup, source=world.rig.deployment)

    failed = await other.ask(wanted, StorageFailed)

    assert failed.failure.code == "backup.bucket_missing"
    assert "hello/media" in failed.failure.message


async def test_two_deployments_are_restored_from_one_backup_with_a_key_each(world: World) -> None:
    other = replace(world.rig, deployment=ids.new_id())
    await other.answer(await other.request("media"), StorageReady)
    wanted = restore_requested(other.deployment, world.backup.backup, source=world.rig.deployment)

    mine = await world.lent()
    theirs = await other.ask(wanted, StateImportRequested)
    await other.ask(state_imported(theirs), RestoreCompleted, number=2)

    with pytest.raises(DeniedError):
        await holder(world.rig, theirs.staging).list_objects(world.bucket)
    await holder(world.rig, mine.staging).list_objects(world.bucket)
    assert world.rig.store.buckets[other.name("media")] == {
        key: LIVE[key] for key in ("pictures/1.png", "pictures/2.png")
    }


async def test_a_backup_that_another_deployment_needs_is_not_removed(world: World) -> None:
    other = replace(world.rig, deployment=ids.new_id())
    await other.answer(await other.request("media"), StorageReady)
    wanted = restore_requested(other.deployment, world.backup.backup, source=world.rig.deployment)
    theirs = await other.ask(wanted, StateImportRequested)
    removal = backup_removal_requested(world.rig.deployment, world.backup.backup)

    failed = await world.rig.ask(removal, StorageFailed)

    assert (failed.failure.code, failed.outcome) == ("backup.lent", Outcome.UNCHANGED)
    await other.ask(state_imported(theirs), RestoreCompleted, number=2)
    again = backup_removal_requested(world.rig.deployment, world.backup.backup)
    await world.rig.ask(again, BackupRemoved)


async def test_a_restore_that_fails_at_deployer_leaves_no_key(world: World) -> None:
    asked = await world.lent()

    await world.rig.tell(deployment_failed(asked))

    await world.without_loans()
    await world.rig.tell(state_imported(asked))
    assert await world.rig.said(asked.run) == [asked]


async def test_a_restore_that_a_later_run_has_overtaken_leaves_no_key(world: World) -> None:
    await world.lent()

    await world.rig.answer(await world.rig.request("media", revision=2), StorageReady)

    await world.without_loans()


async def test_a_removal_of_the_deployment_takes_the_key_of_a_restore(world: World) -> None:
    await world.lent()

    await world.rig.answer(await world.rig.remove(), StorageRemoved)

    assert world.rig.store.holders == {}
    assert set(world.rig.store.buckets) == {world.bucket}


async def test_a_restore_that_fails_at_storage_leaves_no_key(world: World) -> None:
    def lose_the_bucket(_: Place) -> None:
        world.rig.store.buckets.pop(world.rig.name("media"), None)

    world.rig.copier.before_copy = lose_the_bucket
    wanted = restore_requested(world.rig.deployment, world.backup.backup)

    failed = await world.rig.ask(wanted, StorageFailed)

    assert failed.stage == "objects"
    await world.without_loans()


async def test_a_restore_whose_state_is_imported_ends_although_it_is_cancelled(
    world: World,
) -> None:
    asked = await world.lent()
    await world.rig.tell(CancelRequested(deployment=world.rig.deployment, run=asked.run))

    done = await world.rig.ask(state_imported(asked), RestoreCompleted, number=2)

    assert done.run == asked.run
    await world.without_loans()


async def test_an_import_of_another_run_is_ignored(world: World) -> None:
    asked = await world.lent()

    await world.rig.tell(state_imported(asked, run=ids.new_id()))
    await world.rig.ask(state_imported(asked), RestoreCompleted, number=2)
    await world.rig.tell(state_imported(asked))

    assert len(await world.rig.said(asked.run)) == 2


async def test_an_index_that_is_lost_meanwhile_deletes_nothing(world: World) -> None:
    asked = await world.lent()
    del world.saved["index.json"]

    failed = await world.rig.ask(state_imported(asked), StorageFailed, number=2)

    assert (failed.stage, failed.outcome) == ("prune", Outcome.PARTIAL)
    assert world.live == {"pictures/1.png": b"one", **CHANGED}
    await world.without_loans()


async def test_a_restore_goes_on_where_a_crash_interrupted_it(quiet: Rig) -> None:
    async with quiet.working():
        await given(quiet)
        world = World(quiet, await backed_up(quiet))
        world.live.clear()
        asked = await world.lent()
        world.live.clear()
        quiet.copier.copies = 0

        def lose_the_store(_: Place) -> None:
            quiet.store.is_away = quiet.copier.copies == 1

        quiet.copier.before_copy = lose_the_store
        await quiet.tell(state_imported(asked))
        await eventually(
            lambda: any(it.state is StepState.RETRYING for it in quiet.reports), within=10
        )
    quiet.store.is_away, quiet.copier.before_copy = False, None

    async with quiet.working():
        await quiet.answer(asked.run, RestoreCompleted, number=2)

    assert set(world.live) == {"pictures/1.png", "pictures/2.png"}
    assert quiet.copier.copies == 2
    await world.without_loans()
