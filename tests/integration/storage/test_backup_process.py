"""Backups and restores as they really run: a process, the bus, a database, a real object store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.contracts.failures import Outcome
from shared.contracts.storage import (
    BackupCompleted,
    BackupRemoved,
    RestoreCompleted,
    StateExportRequested,
    StateImportRequested,
    StorageFailed,
    StorageReady,
)
from tests.integration.storage.events import (
    CHUNK,
    SEALED,
    backup_removal_requested,
    backup_requested,
    deployment_failed,
    manifest,
    restore_requested,
    state_exported,
    state_imported,
)
from tests.integration.storage.process import running_storage
from tests.support import s3
from tests.support.eventually import eventually
from tests.support.fakes.object_store import DeniedError
from tests.support.messaging import publish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.contracts.deployments import GrantedBucket
    from shared.embedded.servers.postgres import Access as DatabaseAccess
    from shared.embedded.servers.seaweedfs import SeaweedServer

    from .process import World

LIVE = {
    "pictures/1.png": b"one",
    "pictures/2.png": b"two",
    "pictures/cache/1.png": b"cached",
    "other/1": b"other",
}
CHANGED = {"pictures/2.png": b"another two", "pictures/3.png": b"three", "other/1": b"other"}


@pytest.fixture
async def world(object_store: SeaweedServer, postgres: DatabaseAccess) -> AsyncIterator[World]:
    async with running_storage(object_store.access, postgres) as found:
        yield found


async def given(world: World) -> GrantedBucket:
    """Let a deployment have a bucket with objects."""
    [granted] = (await world.answer(await world.request("media"), StorageReady)).buckets
    for key, content in LIVE.items():
        await world.holder(granted).put(granted.bucket, key, content)
    return granted


async def change(world: World, granted: GrantedBucket) -> None:
    """Let an application write, and lose what it had."""
    machine = world.holder(granted)
    for key in await machine.list_objects(granted.bucket):
        await machine.delete(granted.bucket, key)
    for key, content in CHANGED.items():
        await machine.put(granted.bucket, key, content)


async def content(world: World, granted: GrantedBucket) -> dict[str, bytes]:
    machine = world.holder(granted)
    keys = await machine.list_objects(granted.bucket)
    return {key: await machine.get(granted.bucket, key) for key in keys}


async def exported(world: World) -> StateExportRequested:
    """Ask for a backup, and write what a machine would write."""
    asked = await world.ask(backup_requested(world.deployment), StateExportRequested)
    await write_state(world, asked)
    return asked


async def write_state(world: World, asked: StateExportRequested) -> None:
    granted = asked.staging.granted
    machine = world.holder(granted)
    await machine.put(granted.bucket, "state/hello/chunks/1", CHUNK)
    await machine.put(granted.bucket, "state/hello/manifest.json", manifest(asked.export))


async def until_only(world: World, granted: GrantedBucket) -> None:
    """Wait until there is nothing but the deployment's own bucket and its key."""

    async def is_so() -> bool:
        wanted = ([granted.bucket], {granted.bucket: [granted.access_key_id]})
        return await world.in_the_store() == wanted

    await eventually(is_so, within=30)
    async with world.database.transaction() as tx:
        assert await tx.fetchval("select count(*) from backups") == 0


async def denied(machine: s3.S3Holder, bucket: str) -> None:
    """Check that a machine can neither change nor delete what is in a backup."""
    for attempt in (
        machine.put(bucket, "state/hello/manifest.json", b"x"),
        machine.delete(bucket, "state/hello/manifest.json"),
    ):
        with pytest.raises(DeniedError):
            await attempt


async def test_what_was_lost_comes_back_from_a_backup_that_nobody_could_change(
    world: World,
) -> None:
    granted = await given(world)
    asked = await exported(world)
    backup = asked.staging.granted.bucket

    done = await world.ask(state_exported(asked), BackupCompleted)

    buckets, keys = await world.in_the_store()
    assert buckets == sorted([granted.bucket, backup])
    assert keys == {granted.bucket: [granted.access_key_id]}
    await denied(world.holder(asked.staging.granted), backup)

    await change(world, granted)
    lent = await world.ask(restore_requested(world.deployment, done.backup), StateImportRequested)
    reading = world.holder(lent.staging.granted)
    assert await reading.get(backup, "state/hello/manifest.json") == manifest(done.backup)
    await denied(reading, backup)
    assert await content(world, granted) == {"pictures/1.png": b"one", **CHANGED}

    restored = await world.ask(state_imported(lent), RestoreCompleted)

    assert await content(world, granted) == {
        "pictures/1.png": b"one",
        "pictures/2.png": b"two",
        "other/1": b"other",
    }
    assert restored.applications == done.applications

    await world.ask(backup_removal_requested(world.deployment, done.backup), BackupRemoved)

    await until_only(world, granted)
    secrets = [world.deployer.unseal(it.staging.granted.sealed_secret_key) for it in (asked, lent)]
    await tells_nobody(world, *secrets)


async def tells_nobody(world: World, *secrets: str) -> None:
    """Check that no secret is in the log or the jobs, and what is sealed is not in the log."""
    async with world.database.transaction() as tx:
        rows = await tx.fetch("select jobs::text as text from jobs")
    log = world.process.child.log.read_text()
    assert [it for it in secrets if it in log or it in str(rows)] == []
    assert SEALED not in log


async def test_one_flipped_byte_is_refused_before_anything_is_touched(world: World) -> None:
    granted = await given(world)
    asked = await exported(world)
    done = await world.ask(state_exported(asked), BackupCompleted)
    await change(world, granted)
    before = await world.in_the_store()
    for key, whole in (
        ("state/hello/chunks/1", b"rows"),
        ("objects/hello/media/pictures/1.png", b"one"),
    ):
        place = {"Bucket": asked.staging.granted.bucket, "Key": key}
        async with s3.client(world.store, "s3") as administrator:
            await administrator.put_object(**place, Body=bytes([whole[0] ^ 1]) + whole[1:])

            wanted = restore_requested(world.deployment, done.backup)
            failed = await world.ask(wanted, StorageFailed)

            assert (failed.failure.code, failed.outcome) == ("backup.damaged", Outcome.UNCHANGED)
            assert key in failed.failure.message
            await administrator.put_object(**place, Body=whole)
    assert await content(world, granted) == CHANGED
    assert await world.in_the_store() == before
    await world.ask(restore_requested(world.deployment, done.backup), StateImportRequested)


async def test_a_service_that_is_killed_on_the_way_finishes_backup_and_restore(
    world: World,
) -> None:
    granted = await given(world)
    world.process.pause_before("key", "index")
    await world.process.restart()
    event = backup_requested(world.deployment)
    await publish(world.panel, event)
    await killed_at(world, "key", then="index")
    asked = await world.answer(event.run, StateExportRequested)
    await write_state(world, asked)
    await publish(world.deployers_bus, state_exported(asked))
    await killed_at(world, "index", then="prune")
    done = await world.answer(event.run, BackupCompleted)

    await change(world, granted)
    lent = await world.ask(restore_requested(world.deployment, done.backup), StateImportRequested)
    await publish(world.deployers_bus, state_imported(lent))
    await killed_at(world, "prune")

    await world.answer(lent.run, RestoreCompleted)
    assert (await content(world, granted))["pictures/2.png"] == b"two"
    assert await world.in_the_store() == (
        sorted([granted.bucket, asked.staging.granted.bucket]),
        {granted.bucket: [granted.access_key_id]},
    )


async def killed_at(world: World, step: str, *, then: str | None = None) -> None:
    """Kill the service at a step and start it again, with a pause before another one."""
    await world.until_at(step)
    await world.process.kill()
    world.process.pause_before(*([then] if then else []))
    await world.process.start()


async def test_a_restore_that_fails_elsewhere_has_cost_and_added_nothing(world: World) -> None:
    granted = await given(world)
    done = await world.ask(state_exported(await exported(world)), BackupCompleted)
    await change(world, granted)
    before = await world.in_the_store()
    lent = await world.ask(restore_requested(world.deployment, done.backup), StateImportRequested)
    assert await content(world, granted) == {"pictures/1.png": b"one", **CHANGED}

    await publish(world.deployers_bus, deployment_failed(lent, Outcome.ROLLED_BACK))

    async def is_as_before() -> bool:
        keys = await world.holder(granted).list_objects(granted.bucket)
        return set(keys) == set(CHANGED) and await world.in_the_store() == before

    await eventually(is_as_before, within=30)
    assert await content(world, granted) == CHANGED


async def test_an_export_that_fails_elsewhere_leaves_neither_bucket_nor_key(world: World) -> None:
    granted = await given(world)
    asked = await exported(world)
    async with s3.client(world.store, "s3") as administrator:
        # A machine that was stopped in the middle of an upload leaves this.
        await administrator.create_multipart_upload(
            Bucket=asked.staging.granted.bucket, Key="state/hello/half"
        )

    await publish(world.deployers_bus, deployment_failed(asked))

    await until_only(world, granted)
