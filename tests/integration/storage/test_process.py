"""Storage as it really runs: a process with the bus, its database and a real object store."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.contracts.storage import StorageReady, StorageRemoved
from shared.embedded import parts
from shared.embedded.servers import seaweedfs
from tests.integration.storage.process import World, running_storage
from tests.support.processes import provider, write_secrets
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.embedded.servers.postgres import Access as DatabaseAccess
    from shared.embedded.servers.seaweedfs import SeaweedServer


@pytest.fixture
async def world(object_store: SeaweedServer, postgres: DatabaseAccess) -> AsyncIterator[World]:
    async with running_storage(object_store.access, postgres) as found:
        yield found


async def test_a_request_twice_is_one_bucket_and_one_key_and_a_removal_leaves_none(
    world: World,
) -> None:
    bucket = ids.bucket_name(world.deployment, "hello", "entries")

    first = await world.answer(await world.request("entries"), StorageReady)
    second = await world.answer(await world.request("entries"), StorageReady)

    [granted] = second.buckets
    assert first.buckets == second.buckets
    assert await world.in_the_store() == (
        [bucket],
        {bucket: [granted.access_key_id]},
    )
    key = world.holder(granted)
    await key.put(bucket, "entries/1", b"hello")
    assert await key.get(bucket, "entries/1") == b"hello"

    removed = await world.answer(await world.remove(), StorageRemoved)

    assert removed.buckets_kept == ()
    assert await world.in_the_store() == ([], {})


async def test_a_revision_without_buckets_is_answered(world: World) -> None:
    ready = await world.answer(await world.request(), StorageReady)

    assert ready.buckets == ()


@pytest.mark.parametrize("step", ["bucket", "key"])
async def test_a_service_killed_in_a_step_finishes_with_one_key_when_it_is_back(
    world: World, step: str
) -> None:
    world.process.pause_before(step)
    await world.process.restart()
    run = await world.request("entries")
    await world.until_at(step)
    await world.process.kill()
    world.process.pause_before()
    await world.process.start()

    ready = await world.answer(run, StorageReady)

    [granted] = ready.buckets
    assert await world.in_the_store() == (
        [granted.bucket],
        {granted.bucket: [granted.access_key_id]},
    )


async def test_a_store_that_starts_late_is_waited_for(postgres: DatabaseAccess) -> None:
    with throwaway_directory() as path:
        async with seaweedfs.running(path) as server:
            await server.stop()
            async with running_storage(server.access, postgres) as world:
                run = await world.request("entries")
                await world.until_at("bucket")
                await server.start()

                ready = await world.answer(run, StorageReady)

                assert [it.purpose for it in ready.buckets] == ["entries"]


async def start_with(environment: dict[str, str]) -> tuple[int | None, str]:
    """Start a storage service that cannot start; return its status and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.storage"),
        env=parts.environment(PYTHONPATH=parts.python_path(), **environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, said.decode()


async def test_without_secrets_it_names_the_settings_that_are_missing() -> None:
    status, said = await start_with({})

    assert status == 1
    assert said.count("\n") == 1
    for name in ("nats_seed", "postgres_password", "age_identity"):
        assert name in said


async def test_an_invalid_provider_file_is_refused_with_every_mistake_and_no_traceback(
    tmp_path: Path,
) -> None:
    names = ("storage_nats_seed", "storage_postgres_password", "storage_age_identity")
    write_secrets(tmp_path, **dict.fromkeys(names, "x"))
    (tmp_path / "provider.toml").write_text(provider().replace('name = "Test"', "nam = 1"))

    status, said = await start_with(
        {
            "FEDIVERSITY_SECRETS_DIRECTORY": str(tmp_path),
            "STORAGE_PROVIDER_FILE": str(tmp_path / "provider.toml"),
        }
    )

    assert status == 1
    assert "provider.nam: is not known here; did you mean `name`?" in said
    assert "provider.name: is missing" in said
    assert "Traceback" not in said


async def test_readiness_shows_which_provider_file_it_runs_with(world: World) -> None:
    file = world.process.directory.parent / "provider.toml"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    assert (await world.process.readiness())["digests"] == {"provider_file": digest}


async def test_no_secret_is_in_the_log_or_the_database_or_on_the_bus(
    world: World, object_store: SeaweedServer
) -> None:
    ready = await world.answer(await world.request("entries"), StorageReady)
    secrets = [
        world.deployer.unseal(ready.buckets[0].sealed_secret_key),
        object_store.access.secret_access_key.get_secret_value(),
    ]

    async with world.database.transaction() as tx:
        rows = [
            *await tx.fetch("select jobs::text as text from jobs"),
            *await tx.fetch("select access_keys::text as text from access_keys"),
        ]
    places = [world.process.child.log.read_text(), ready.model_dump_json(), str(rows)]

    assert [secret for secret in secrets for place in places if secret in place] == []
