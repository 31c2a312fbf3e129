"""What it means in every object store that a bucket is published: single objects are read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import pytest
import pytest_asyncio

from services.storage.domain.buckets import Holder
from shared import errors, http, ids
from tests.support import s3
from tests.support.fakes.object_store import FakeObjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from services.storage.adapters.iam import IamObjectStore
    from services.storage.ports import ObjectStore
    from shared.embedded.servers.seaweedfs import Access, SeaweedServer

KEY: Final = "2026/garden.png"
REFUSED: Final = 403
# One connection to the store for all of these tests; each has buckets of its own.
pytestmark = pytest.mark.asyncio(loop_scope="session")


class Case(Protocol):
    """A store under test, its administrator, and visitors without any key."""

    @property
    def store(self) -> ObjectStore: ...

    async def put(self, bucket: str, key: str) -> None: ...

    async def visit(self, method: str, path: str) -> int:
        """Return the status of what somebody unknown asks for."""
        ...


@dataclass
class InMemory:
    """The fake."""

    store: FakeObjectStore

    async def put(self, bucket: str, key: str) -> None:
        self.store.buckets[bucket][key] = b"x"

    async def visit(self, method: str, path: str) -> int:
        return self.store.visit(method, path)


@dataclass
class Real:
    """A running SeaweedFS."""

    store: IamObjectStore
    access: Access
    visitor: httpx2.AsyncClient

    async def put(self, bucket: str, key: str) -> None:
        async with s3.client(self.access, "s3") as administrator:
            await administrator.put_object(Bucket=bucket, Key=key, Body=b"x")

    async def visit(self, method: str, path: str) -> int:
        answer = await self.visitor.request(method, f"/{path}")
        return answer.status_code

    async def open_wide(self, bucket: str) -> None:
        """Let everybody do more with a bucket, behind storage's back."""
        everything = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        }
        text = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        async with s3.client(self.access, "s3") as administrator:
            await administrator.put_bucket_policy(Bucket=bucket, Policy=text)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seaweedfs(object_store: SeaweedServer) -> AsyncIterator[Real]:
    access = object_store.access
    async with s3.administered(access) as store, http.client(base_url=access.endpoint) as visitor:
        yield Real(store, access, visitor)


@pytest.fixture(params=["fake", "seaweedfs"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "fake":
        return InMemory(FakeObjectStore())
    found: Case = request.getfixturevalue("seaweedfs")
    return found


async def a_bucket(case: Case) -> str:
    name = ids.bucket_name(ids.new_id(), "hello", "media")
    await case.store.ensure_bucket(name)
    await case.put(name, KEY)
    return name


async def test_anybody_reads_the_objects_of_a_published_bucket(case: Case) -> None:
    bucket = await a_bucket(case)
    before = await case.visit("GET", f"{bucket}/{KEY}")

    await case.store.publish(bucket)
    await case.store.publish(bucket)

    assert before == REFUSED
    assert await case.visit("GET", f"{bucket}/{KEY}") == 200
    assert await case.visit("HEAD", f"{bucket}/{KEY}") == 200
    assert await case.visit("GET", f"{bucket}/missing.png") == 404


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "?list-type=2"),
        ("GET", "?versions"),
        ("GET", "?uploads"),
        ("GET", "?policy"),
        ("GET", "?acl"),
        ("GET", "?location"),
        ("GET", "?cors"),
        ("HEAD", ""),
        ("PUT", "/mine.png"),
        ("PUT", f"/{KEY}"),
        ("PUT", "?policy"),
        ("PUT", "?acl"),
        ("POST", "?delete"),
        ("POST", "/mine.png?uploads"),
        ("DELETE", f"/{KEY}"),
        ("DELETE", ""),
        ("DELETE", "?policy"),
        ("GET", f"/{KEY}?acl"),
        ("GET", f"/{KEY}?tagging"),
        ("PUT", f"/{KEY}?tagging"),
    ],
)
async def test_nobody_unknown_does_more_than_read_objects(
    case: Case, method: str, what: str
) -> None:
    bucket = await a_bucket(case)
    await case.store.publish(bucket)

    assert await case.visit(method, f"{bucket}{what}") == REFUSED
    assert await case.visit("GET", f"{bucket}/{KEY}") == 200


async def test_the_buckets_beside_a_published_one_stay_closed(case: Case) -> None:
    bucket, other = await a_bucket(case), await a_bucket(case)

    await case.store.publish(bucket)

    assert await case.visit("GET", f"{other}/{KEY}") == REFUSED
    assert await case.visit("GET", f"{bucket}/../{other}/{KEY}") == REFUSED
    assert await case.visit("GET", "") == REFUSED


async def test_a_holder_keeps_its_rights_and_gets_no_others(case: Case) -> None:
    bucket = await a_bucket(case)
    await case.store.ensure_holder(Holder.own(bucket))
    key = await case.store.create_key(Holder.own(bucket))

    await case.store.publish(bucket)
    await case.store.unpublish(bucket)

    assert await case.store.list_keys(bucket) == {key.id}


async def test_a_bucket_that_is_not_published_any_more_is_closed_and_keeps_its_objects(
    case: Case,
) -> None:
    bucket = await a_bucket(case)
    await case.store.publish(bucket)

    await case.store.unpublish(bucket)
    await case.store.unpublish(bucket)

    assert await case.visit("GET", f"{bucket}/{KEY}") == REFUSED
    await case.store.publish(bucket)
    assert await case.visit("GET", f"{bucket}/{KEY}") == 200


async def test_revoking_closes_a_published_bucket_too(case: Case) -> None:
    bucket = await a_bucket(case)
    await case.store.ensure_holder(Holder.own(bucket))
    await case.store.publish(bucket)

    await case.store.revoke(bucket)
    await case.store.revoke(bucket)

    assert await case.visit("GET", f"{bucket}/{KEY}") == REFUSED


async def test_a_bucket_that_is_made_again_is_closed(case: Case) -> None:
    bucket = await a_bucket(case)
    await case.store.publish(bucket)

    await case.store.delete_bucket(bucket)
    await case.store.ensure_bucket(bucket)
    await case.put(bucket, KEY)

    assert await case.visit("GET", f"{bucket}/{KEY}") == REFUSED


async def test_closing_a_bucket_that_is_not_there_is_no_error(case: Case) -> None:
    await case.store.unpublish(ids.bucket_name(ids.new_id(), "hello", "media"))


async def test_publishing_takes_back_what_somebody_allowed_besides(seaweedfs: Real) -> None:
    bucket = await a_bucket(seaweedfs)
    await seaweedfs.open_wide(bucket)
    assert await seaweedfs.visit("GET", bucket) == 200

    await seaweedfs.store.publish(bucket)

    assert await seaweedfs.visit("GET", bucket) == REFUSED
    assert await seaweedfs.visit("GET", f"{bucket}/{KEY}") == 200


async def test_what_is_published_already_is_not_written_again(seaweedfs: Real) -> None:
    bucket = await a_bucket(seaweedfs)
    await seaweedfs.store.publish(bucket)
    event, writes = "before-call.s3.PutBucketPolicy", list[str]()
    events = seaweedfs.store.s3.meta.events
    events.register(event, lambda **_: writes.append(bucket), unique_id=bucket)

    await seaweedfs.store.publish(bucket)

    events.unregister(event, unique_id=bucket)
    assert writes == []


async def test_a_store_that_does_not_answer_is_unavailable(object_store: SeaweedServer) -> None:
    bucket = ids.bucket_name(ids.new_id(), "hello", "media")
    async with s3.administered(
        replace(object_store.access, endpoint="http://127.0.0.1:9")
    ) as store:
        for attempt in (store.publish(bucket), store.unpublish(bucket)):
            with pytest.raises(errors.UnavailableError):
                await attempt
