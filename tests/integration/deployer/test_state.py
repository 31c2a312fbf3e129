"""The state of an application on a real machine: saved, brought back, or left as it was."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from services.deployer.adapters.ssh import SshHost
from shared import http, ids
from shared.contracts.deployer import ConfigDeployed, StateExported, StateImported
from shared.contracts.deployments import GrantedBucket
from shared.contracts.state import SavedApplication, Staging
from shared.contracts.storage import StateExportRequested, StateImportRequested
from shared.sealing import Unsealer
from tests.integration.deployer.conftest import IDENTITY, SOON
from tests.support import s3
from tests.support.eventually import eventually
from tests.support.servers import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from shared.sealing import Sealer
    from tests.integration.deployer.conftest import World
    from tests.support.guests import Guest

BOOKS = "/var/lib/applications/shelf/books"


@dataclass(kw_only=True)
class Shelf:
    """An application with state on a real machine, and a bucket for it."""

    world: World
    staging: Staging
    store: SeaweedServer
    export: str = field(default_factory=ids.new_id)

    @property
    def host(self) -> SshHost:
        host = self.world.deployer.hosts.at(self.world.machine)
        assert isinstance(host, SshHost)
        return host

    async def deploy(self) -> None:
        row = await self.world.end_of(await self.world.ask("shelf"))
        assert row["type"] == ConfigDeployed.event_type(), row["payload"]

    async def put(self, name: str, text: str) -> None:
        await self.host.connection.do(
            f"echo '{text}' > {BOOKS}/{name}; chown app-shelf:app-shelf {BOOKS}/{name}"
        )

    async def page(self, name: str) -> str:
        async with http.client(timeout_seconds=5) as client:
            try:
                answer = await client.get(f"http://{self.world.machine.http}/{name}")
            except httpx2.HTTPError:
                return ""
        return answer.text.strip() if answer.is_success else ""

    async def save(self) -> SavedApplication:
        event = StateExportRequested(
            deployment=self.world.deployment,
            run=ids.new_id(),
            revision=1,
            export=self.export,
            applications=("shelf",),
            staging=self.staging,
            recipient="deployer",
        )
        async with self.world.database.transaction() as tx:
            await self.world.deployer.routes()[StateExportRequested](event, tx)
        row = await self.world.end_of(event.run)
        assert row["type"] == StateExported.event_type(), row["payload"]
        [saved] = StateExported.model_validate_json(row["payload"]).applications
        return saved

    async def begin(self, saved: SavedApplication) -> str:
        """Let deployer hear that something is to be brought in; return the run."""
        event = StateImportRequested(
            deployment=self.world.deployment,
            run=ids.new_id(),
            revision=1,
            export=self.export,
            applications=(saved,),
            staging=self.staging,
        )
        async with self.world.database.transaction() as tx:
            await self.world.deployer.routes()[StateImportRequested](event, tx)
        return event.run

    async def restore(self, saved: SavedApplication) -> tuple[str, dict[str, Any]]:
        row = await self.world.end_of(await self.begin(saved))
        payload: dict[str, Any] = json.loads(row["payload"])
        return row["type"], payload

    async def stamp(self) -> str:
        """Return what the secret that is kept would be seen by."""
        [secret] = await self.world.deployer.secrets.of(self.world.deployment)
        value = Unsealer(IDENTITY).unseal(secret.sealed)
        return hashlib.sha256(value.encode()).hexdigest()

    async def damage(self) -> None:
        """Turn one bit of something that was saved."""
        bucket = self.staging.granted.bucket
        async with s3.client(self.store.access, "s3") as store:
            listed = await store.list_objects_v2(Bucket=bucket, Prefix="state/shelf/chunks/")
            key = listed["Contents"][0]["Key"]
            content = await (await store.get_object(Bucket=bucket, Key=key))["Body"].read()
            await store.put_object(
                Bucket=bucket, Key=key, Body=bytes([content[0] ^ 1]) + content[1:]
            )


@pytest.fixture
async def shelf(
    world: World, guest: Guest, object_store: SeaweedServer, sealer: Sealer
) -> AsyncIterator[Shelf]:
    require("restic", "restic")
    access = object_store.access
    name = f"staging-{secrets.token_hex(4)}"
    async with s3.client(access, "s3") as store:
        await store.create_bucket(Bucket=name)
    granted = GrantedBucket(
        application="",
        purpose="backup",
        endpoint=access.endpoint,
        region=access.region,
        bucket=name,
        access_key_id=access.access_key_id,
        sealed_secret_key=sealer.seal("deployer", access.secret_access_key.get_secret_value()),
    )
    staging = Staging(granted=granted, prefixes={"shelf": "state/shelf"})
    found = Shelf(world=world, staging=staging, store=object_store)
    # The image of all tests has no restic; an image of our own would take a minute to build.
    await found.host.connection.do(
        "[ -x /usr/bin/restic ] || { cat > /usr/bin/restic && chmod 755 /usr/bin/restic; }",
        stdin=await asyncio.to_thread(Path("/usr/bin/restic").read_bytes),
    )
    assert guest.granted.machine == world.machine.machine
    yield found
    await found.host.connection.do("rm -rf /var/lib/applications/shelf")


async def deployed_and_saved(shelf: Shelf) -> SavedApplication:
    """Save a shelf with a book, and change the book."""
    await shelf.deploy()
    await shelf.put("one.txt", "of then")
    saved = await shelf.save()
    assert (saved.files, saved.manifest) == (3, "state/shelf/manifest.json")
    assert await shelf.page("stamp.txt") == f"{await shelf.stamp()}  -"
    await shelf.put("one.txt", "of now")
    return saved


async def refused_for_its_secret(shelf: Shelf, saved: SavedApplication, sealer: Sealer) -> None:
    """Bring books in with a secret that is not theirs: all is as before."""
    stamp = await shelf.stamp()
    other = {
        "sealed": sealer.seal("deployer", "another"),
        "fingerprint": hashlib.sha256(b"another").hexdigest(),
    }
    secret = saved.secrets[0].model_copy(update=other)

    _, failed = await shelf.restore(saved.model_copy(update={"secrets": (secret,)}))

    assert (failed["stage"], failed["outcome"]) == ("health", "rolled_back")
    message = failed["failure"]["message"]
    assert "the secret stamp of shelf does not fit its data: the books have another" in message
    assert "The state of before is back." in message
    assert await shelf.page("one.txt") == "of now"
    assert await shelf.page("restored.txt") == ""
    assert await shelf.stamp() == stamp


async def brought_in_through_a_power_cut(
    shelf: Shelf, saved: SavedApplication, guest: Guest
) -> None:
    """Bring books in; the power goes between the import and the start."""
    world = shelf.world
    world.progress.clear()
    world.gate.clear()
    run = await shelf.begin(saved)

    def is_to_start() -> bool:
        return any((it.step, it.state) == ("start", "running") for it in world.progress)

    await eventually(is_to_start, within=SOON)
    await guest.kill()
    world.gate.set()
    await guest.start()
    row = await world.end_of(run)

    assert row["type"] == StateImported.event_type(), row["payload"]
    assert await shelf.page("one.txt") == "of then"
    assert await shelf.page("restored.txt") == "yes"
    steps = [it.step for it in world.progress if it.state == "succeeded"]
    assert steps == ["verify", "stop", "import", "start", "health"]
    assert await shelf.host.connection.do("ls -A /var/lib/fediversity/aside") == ""


async def test_state_is_saved_and_brought_back_or_left_as_it_was(
    shelf: Shelf, guest: Guest, sealer: Sealer
) -> None:
    world = shelf.world
    world.gate.set()
    async with world.working(held="start"):
        saved = await deployed_and_saved(shelf)
        await refused_for_its_secret(shelf, saved, sealer)
        await brought_in_through_a_power_cut(shelf, saved, guest)

        await shelf.damage()
        _, failed = await shelf.restore(saved)
        assert (failed["stage"], failed["outcome"]) == ("verify", "unchanged")
        assert await shelf.page("restored.txt") == "yes"

    said = "\n".join([*world.commands, *(repr(it) for it in world.progress)])
    assert "fediversity-state export shelf" in said
    sealed = (shelf.staging.granted.sealed_secret_key, saved.sealed_password)
    hidden = [Unsealer(IDENTITY).unseal(it) for it in (*sealed, saved.secrets[0].sealed)]
    assert [it for it in hidden if it in said] == []
