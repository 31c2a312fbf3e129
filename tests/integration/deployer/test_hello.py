"""The application hello on a real machine, with its book in a real bucket behind the door."""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import TYPE_CHECKING

import httpx2
import pytest

from shared import http
from shared.contracts.deployments import GrantedBucket
from tests.integration.deployer.conftest import SOON
from tests.support.eventually import eventually
from tests.support.s3 import client as s3_client

if TYPE_CHECKING:
    from typing import Any

    from shared.embedded.servers.seaweedfs import SeaweedServer
    from shared.sealing import Sealer
    from tests.integration.deployer.conftest import World


@pytest.fixture
async def bucket(object_store: SeaweedServer, sealer: Sealer) -> GrantedBucket:
    """Return a bucket, with the administrator's key to it."""
    access = object_store.access
    name = f"test-{secrets.token_hex(4)}"
    async with s3_client(access, "s3") as store:
        await store.create_bucket(Bucket=name)
    return GrantedBucket(
        application="hello",
        purpose="entries",
        endpoint=access.endpoint,
        region=access.region,
        bucket=name,
        access_key_id=access.access_key_id,
        sealed_secret_key=sealer.seal("deployer", access.secret_access_key.get_secret_value()),
    )


async def test_visitors_sign_a_book_that_is_kept_in_the_bucket(
    world: World, bucket: GrantedBucket, object_store: SeaweedServer
) -> None:
    world.buckets = (bucket,)
    async with world.working(), http.client(timeout_seconds=20) as visitor:
        end = await world.end_of(
            await world.ask("hello", options={"title": "Garden", "languages": ["en", "de"]})
        )
        assert json.loads(end["payload"])["changed"]
        url = f"http://{world.machine.http}"

        page = await visitor.get(url, headers={"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"})
        assert "<h1>Garden</h1>" in page.text
        assert "Willkommen" in page.text

        entry = {"name": "Ada <3", "text": 'Lovely & "quoted"'}
        signed = await visitor.post(f"{url}/book", json=entry)
        assert signed.status_code == 201
        form = await visitor.post(f"{url}/book", data={"name": "Bo", "text": "Second"})
        assert form.status_code == 303

        book = (await visitor.get(f"{url}/book.json")).json()
        assert [it["name"] for it in book["entries"]] == ["Bo", "Ada <3"]
        page = await visitor.get(url)
        assert "Ada &lt;3" in page.text
        assert "<3" not in page.text

    async with s3_client(object_store.access, "s3") as store:
        listing = await store.list_objects_v2(Bucket=bucket.bucket)
    assert len(listing["Contents"]) == 2


async def test_another_secret_is_a_change_and_one_that_opens_nothing_is_taken_back(
    world: World, bucket: GrantedBucket, object_store: SeaweedServer, sealer: Sealer
) -> None:
    secret = object_store.access.secret_access_key.get_secret_value()
    url = f"http://{world.machine.http}"

    async def deployed(key: str) -> dict[str, Any]:
        sealed = sealer.seal("deployer", key)
        world.buckets = (bucket.model_copy(update={"sealed_secret_key": sealed}),)
        end = await world.end_of(await world.ask("hello"))
        payload: dict[str, Any] = json.loads(end["payload"])
        return payload

    async def signed() -> bool:
        with contextlib.suppress(httpx2.HTTPError):
            book = (await visitor.get(f"{url}/book.json")).json()
            return [it["name"] for it in book["entries"]] == ["Ada"]
        return False

    async with world.working(), http.client(timeout_seconds=20) as visitor:
        first = await deployed(secret)
        assert first["changed"]
        await visitor.post(f"{url}/book", json={"name": "Ada", "text": "Kept"})

        end = await world.end_of(await world.ask("hello"))
        assert json.loads(end["payload"])["changed"] is False

        failed = await deployed("not the key")
        assert failed["outcome"] == "rolled_back"
        reason = "status 503 the object store refuses with status 403"
        assert reason in failed["failure"]["message"]
        await eventually(signed, within=SOON)

        second = await deployed(secret)
        assert second["changed"]
        assert second["systems"] != first["systems"]
