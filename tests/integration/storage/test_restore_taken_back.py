"""A restore that is taken back has cost nothing, and added nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.storage.service import leftovers
from shared import ids
from shared.contracts.failures import Outcome
from shared.contracts.panel import CancelRequested
from shared.contracts.progress import StepState
from shared.contracts.storage import (
    BackupRemoved,
    RestoreCompleted,
    StateImportRequested,
    StorageFailed,
    StorageReady,
)
from tests.integration.storage.backups import LIVE, backed_up, given
from tests.integration.storage.events import (
    backup_removal_requested,
    deployment_failed,
    restore_requested,
    state_imported,
)
from tests.integration.storage.restores import CHANGED, World
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from services.storage.domain.objects import Place
    from shared.contracts.messages import RunEvent

    from .conftest import Rig

ADDED = {"pictures/1.png": b"one"}


async def fail_at_storage(world: World) -> RunEvent:
    """Let a restore fail when some objects of two have been added."""
    del world.live["pictures/2.png"]

    def lose_one(_: Place) -> None:
        if world.rig.copier.copies:
            world.saved.pop("objects/hello/media/pictures/2.png", None)

    world.rig.copier.copies = 0
    world.rig.copier.before_copy = lose_one
    wanted = restore_requested(world.rig.deployment, world.backup.backup)
    return await world.rig.ask(wanted, StorageFailed)


@pytest.mark.parametrize("outcome", [Outcome.UNCHANGED, Outcome.ROLLED_BACK])
async def test_what_a_restore_had_added_goes_when_it_is_taken_back(
    world: World, outcome: Outcome
) -> None:
    asked = await world.lent()
    assert world.live == ADDED | CHANGED

    await world.rig.tell(deployment_failed(asked, outcome))

    await world.without_loans()
    assert world.live == CHANGED


@pytest.mark.parametrize("outcome", [Outcome.PARTIAL, Outcome.ROLLBACK_FAILED])
async def test_what_was_added_stays_where_the_rows_of_the_backup_may_need_it(
    world: World, outcome: Outcome
) -> None:
    asked = await world.lent()

    await world.rig.tell(deployment_failed(asked, outcome))

    await world.without_loans()
    assert world.live == ADDED | CHANGED


async def test_what_was_added_stays_when_only_what_follows_the_import_fails(world: World) -> None:
    asked = await world.lent()
    del world.saved["index.json"]

    await world.rig.ask(state_imported(asked), StorageFailed, number=2)

    await world.without_loans()
    assert world.live == ADDED | CHANGED


async def test_what_was_added_stays_when_nobody_has_said_how_the_import_ended(
    world: World,
) -> None:
    await world.lent()

    await world.rig.answer(await world.rig.request("media", revision=2), StorageReady)

    await world.without_loans()
    assert world.live == ADDED | CHANGED


async def test_what_people_have_replaced_since_stays(world: World) -> None:
    asked = await world.lent()
    world.live["pictures/1.png"] = b"brought"

    await world.rig.tell(deployment_failed(asked))

    await world.without_loans()
    assert world.live == {"pictures/1.png": b"brought", **CHANGED}


async def test_a_copy_whose_tag_is_its_own_is_known_again(world: World) -> None:
    world.rig.copier.own_tags = True
    asked = await world.lent()

    await world.rig.tell(deployment_failed(asked))

    await world.without_loans()
    assert world.live == CHANGED


async def test_a_restore_that_storage_cannot_do_adds_nothing(world: World) -> None:
    await fail_at_storage(world)

    await world.without_loans()
    assert set(world.live) == set(CHANGED) - {"pictures/2.png"}


async def test_a_cancelled_restore_adds_nothing(quiet: Rig) -> None:
    async with quiet.working():
        await given(quiet)
        world = World(quiet, await backed_up(quiet))
        world.live.clear()

        def lose_the_store(_: Place) -> None:
            quiet.store.is_away = quiet.copier.copies == 3

        quiet.copier.before_copy = lose_the_store
        wanted = restore_requested(quiet.deployment, world.backup.backup)
        await quiet.tell(wanted)
        await eventually(
            lambda: any(it.state is StepState.RETRYING for it in quiet.reports), within=10
        )
        assert world.live

    # As a crash in the middle of the copies leaves it: nothing but the intent is recorded.
    quiet.store.is_away, quiet.copier.before_copy = False, None
    await quiet.tell(CancelRequested(deployment=quiet.deployment, run=wanted.run))
    async with quiet.working():
        await quiet.answer(wanted.run, StorageFailed)
        await world.without_loans()

    assert world.live == {}


async def test_more_than_one_look_takes_at_once_goes_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "MOST_TAKEN_BACK", 1)
    world.live.clear()
    asked = await world.lent()
    assert len(world.live) == 2

    await world.rig.tell(deployment_failed(asked))

    await world.without_loans()
    assert world.live == {}


async def test_a_store_that_is_away_meanwhile_is_waited_for(world: World) -> None:
    asked = await world.lent()
    world.rig.store.is_away = True
    await world.rig.tell(deployment_failed(asked))
    world.rig.store.refusals = 2

    world.rig.store.is_away = False

    await world.without_loans()
    assert world.live == CHANGED


async def test_a_restore_after_one_that_failed_misses_nothing(world: World) -> None:
    asked = await world.lent()
    await world.rig.tell(deployment_failed(asked))

    again = await world.lent()
    await world.rig.ask(state_imported(again), RestoreCompleted, number=2)

    await world.without_loans()
    assert {key: world.live[key] for key in LIVE if key in world.live} == {
        key: LIVE[key] for key in ("pictures/1.png", "pictures/2.png")
    }


async def test_a_backup_is_removed_after_what_a_restore_from_it_had_added(world: World) -> None:
    asked = await world.lent()
    removal = backup_removal_requested(world.rig.deployment, world.backup.backup)
    await world.rig.tell(deployment_failed(asked))

    await world.rig.ask(removal, BackupRemoved)

    assert world.live == CHANGED


async def test_a_backup_waits_for_what_another_deployment_gives_back(world: World) -> None:
    other = replace(world.rig, deployment=ids.new_id())
    await other.answer(await other.request("media"), StorageReady)
    wanted = restore_requested(other.deployment, world.backup.backup, source=world.rig.deployment)
    theirs = await other.ask(wanted, StateImportRequested)
    await other.tell(deployment_failed(theirs))

    removal = backup_removal_requested(world.rig.deployment, world.backup.backup)
    await world.rig.ask(removal, BackupRemoved)

    assert other.store.buckets[other.name("media")] == {}


async def test_a_backup_goes_when_a_restore_from_it_was_given_up_elsewhere(world: World) -> None:
    other = replace(world.rig, deployment=ids.new_id())
    await other.answer(await other.request("media"), StorageReady)
    wanted = restore_requested(other.deployment, world.backup.backup, source=world.rig.deployment)
    theirs = await other.ask(wanted, StateImportRequested)

    await other.hear_discarded(theirs)

    await world.without_loans()
    # How it was left nobody knows: its rows may be those of the backup, and need its objects.
    assert other.store.buckets[other.name("media")]
    removal = backup_removal_requested(world.rig.deployment, world.backup.backup)
    await world.rig.ask(removal, BackupRemoved)
