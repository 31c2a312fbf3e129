"""What storage may rely on when it copies objects: in memory and in a real store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.storage.adapters.s3 import S3ObjectCopier
from services.storage.domain.objects import Place, StoredObject
from shared import errors, ids
from tests.support import s3
from tests.support.fakes.object_copier import FakeObjectCopier
from tests.support.fakes.object_store import FakeObjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from services.storage.ports import ObjectCopier
    from shared.embedded.servers.seaweedfs import Access, SeaweedServer

# One connection to the store for all of these tests; each has buckets of its own.
pytestmark = pytest.mark.asyncio(loop_scope="session")
NAMES = ("pictures/1.png", "a b+c%20ü&?=#", "a-b", "a/b", "a.b", "deep/er/and/er", " lead")
MIB = 1024 * 1024


class Case(Protocol):
    """A store under test."""

    @property
    def copier(self) -> ObjectCopier: ...

    async def make(self, bucket: str) -> None: ...


@dataclass
class InMemory:
    """The fake."""

    copier: FakeObjectCopier

    async def make(self, bucket: str) -> None:
        await self.copier.store.ensure_bucket(bucket)


@dataclass
class Real:
    """A running SeaweedFS."""

    copier: S3ObjectCopier
    access: Access

    async def make(self, bucket: str) -> None:
        async with s3.client(self.access, "s3") as administrator:
            await administrator.create_bucket(Bucket=bucket)


def connected(access: Access) -> AbstractAsyncContextManager[S3ObjectCopier]:
    return S3ObjectCopier.connect(
        endpoint=access.endpoint,
        region=access.region,
        access_key_id=access.access_key_id,
        secret_key=access.secret_access_key,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seaweedfs(object_store: SeaweedServer) -> AsyncIterator[Real]:
    async with connected(object_store.access) as copier:
        yield Real(copier, object_store.access)


@pytest.fixture(params=["fake", "seaweedfs"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "fake":
        return InMemory(FakeObjectCopier(FakeObjectStore()))
    found: Case = request.getfixturevalue("seaweedfs")
    return found


async def a_bucket(case: Case) -> str:
    name = ids.bucket_name(ids.new_id(), "hello", "media")
    await case.make(name)
    return name


async def everything(case: Case, bucket: str, prefix: str = "") -> dict[str, StoredObject]:
    pages = [page async for page in case.copier.list_objects(bucket, prefix)]
    found = [it for page in pages for it in page]
    assert len({it.key for it in found}) == len(found)
    return {it.key: it for it in found}


async def test_objects_are_listed_with_their_size_and_a_tag_of_their_content(case: Case) -> None:
    bucket = await a_bucket(case)
    for name in NAMES:
        await case.copier.write(bucket, name, name.encode())
    await case.copier.write(bucket, "empty", b"")

    found = await everything(case, bucket)

    assert set(found) == {*NAMES, "empty"}
    assert all(found[it].size == len(it.encode()) for it in NAMES)
    assert len({it.etag for it in found.values()}) == len(found)
    assert found["empty"].etag == hashlib.md5(b"", usedforsecurity=False).hexdigest()


async def test_a_prefix_selects_what_begins_with_it(case: Case) -> None:
    bucket = await a_bucket(case)
    for name in ("pictures/1", "pictures/2", "pictures-old/1", "cache/1"):
        await case.copier.write(bucket, name, b"x")

    assert set(await everything(case, bucket, "pictures/")) == {"pictures/1", "pictures/2"}
    assert len(await everything(case, bucket, "pictures")) == 3
    assert await everything(case, bucket, "nothing/") == {}


async def test_a_copy_has_content_and_tag_of_the_original(case: Case) -> None:
    source, target = await a_bucket(case), await a_bucket(case)
    for name in (*NAMES, "empty"):
        await case.copier.write(source, name, b"" if name == "empty" else name.encode())

    for it in (await everything(case, source)).values():
        place = Place(target, f"objects/hello/media/{it.key}")
        assert await case.copier.copy(Place(source, it.key), place, it.size) == it.etag

    copies = await everything(case, target)
    originals = await everything(case, source)
    assert {key.removeprefix("objects/hello/media/"): it.etag for key, it in copies.items()} == {
        key: it.etag for key, it in originals.items()
    }
    assert await case.copier.read(target, "objects/hello/media/a-b") == b"a-b"


async def test_an_object_is_found_as_it_is_listed(case: Case) -> None:
    bucket = await a_bucket(case)
    for name in (*NAMES, "empty"):
        await case.copier.write(bucket, name, b"" if name == "empty" else name.encode())

    for it in (await everything(case, bucket)).values():
        assert await case.copier.find(Place(bucket, it.key)) == it


async def test_what_is_not_there_is_not_found(case: Case) -> None:
    bucket = await a_bucket(case)
    missing = ids.bucket_name(ids.new_id(), "hello", "media")

    for place in (Place(bucket, "x"), Place(missing, "x")):
        assert await case.copier.find(place) is None


async def test_a_copy_takes_the_place_of_what_was_there(case: Case) -> None:
    bucket = await a_bucket(case)
    await case.copier.write(bucket, "old", b"old")
    await case.copier.write(bucket, "new", b"new")

    assert await case.copier.copy(Place(bucket, "new"), Place(bucket, "old"), 3)

    assert await case.copier.read(bucket, "old") == b"new"


async def test_what_was_deleted_in_between_is_not_copied(case: Case) -> None:
    bucket = await a_bucket(case)

    assert not await case.copier.copy(Place(bucket, "gone"), Place(bucket, "copy"), 1)

    assert await everything(case, bucket) == {}


async def test_deleting_twice_is_no_error_and_leaves_the_others(case: Case) -> None:
    bucket = await a_bucket(case)
    for name in NAMES:
        await case.copier.write(bucket, name, b"x")

    await case.copier.delete(bucket, [*NAMES[1:], "never there"])
    await case.copier.delete(bucket, NAMES[1:])
    await case.copier.delete(bucket, [])

    assert set(await everything(case, bucket)) == {NAMES[0]}


async def test_an_object_is_read_whole(case: Case) -> None:
    bucket, content = await a_bucket(case), bytes(3 * MIB) + b"end"
    await case.copier.write(bucket, "large", content)

    assert await case.copier.read(bucket, "large") == content


async def test_an_object_that_does_not_exist_is_not_found(case: Case) -> None:
    bucket = await a_bucket(case)

    with pytest.raises(errors.NotFoundError):
        await case.copier.read(bucket, "x")


async def test_a_bucket_that_does_not_exist_is_a_fault(case: Case) -> None:
    missing = ids.bucket_name(ids.new_id(), "hello", "media")

    with pytest.raises(errors.FaultError):
        await everything(case, missing)
    with pytest.raises(errors.FaultError):
        await case.copier.read(missing, "x")


async def test_what_is_known_of_an_object_is_copied_whole_or_in_parts(seaweedfs: Real) -> None:
    bucket, content = await a_bucket(seaweedfs), bytes(range(256)) * 4096 * 11
    known = {"ContentType": "image/png", "CacheControl": "max-age=3", "Metadata": {"by": "us"}}
    async with s3.client(seaweedfs.access, "s3") as administrator:
        await administrator.put_object(Bucket=bucket, Key="picture", Body=content, **known)
        in_parts = replace(seaweedfs.copier, parts_from=5 * MIB, part_size=5 * MIB)

        await seaweedfs.copier.copy(Place(bucket, "picture"), Place(bucket, "1"), len(content))
        made = await in_parts.copy(Place(bucket, "picture"), Place(bucket, "2"), len(content))

        for copied in ("1", "2"):
            head = await administrator.head_object(Bucket=bucket, Key=copied)
            assert {name: head[name] for name in known} == known
            assert await seaweedfs.copier.read(bucket, copied) == content
        left = await administrator.list_multipart_uploads(Bucket=bucket)
    assert left.get("Uploads", []) == []
    assert made
    assert made.endswith("-3")
    assert (await everything(seaweedfs, bucket))["2"].etag == made
    found = await seaweedfs.copier.find(Place(bucket, "2"))
    assert found == (await everything(seaweedfs, bucket))["2"]


async def test_a_copy_in_parts_of_what_is_gone_leaves_nothing(seaweedfs: Real) -> None:
    bucket = await a_bucket(seaweedfs)
    in_parts = replace(seaweedfs.copier, parts_from=5 * MIB, part_size=5 * MIB)

    assert not await in_parts.copy(Place(bucket, "gone"), Place(bucket, "copy"), 9 * MIB)

    async with s3.client(seaweedfs.access, "s3") as administrator:
        left = await administrator.list_multipart_uploads(Bucket=bucket)
    assert left.get("Uploads", []) == []


async def test_a_folders_marker_is_copied(seaweedfs: Real) -> None:
    bucket = await a_bucket(seaweedfs)
    await seaweedfs.copier.write(bucket, "folder/", b"")

    assert await seaweedfs.copier.copy(Place(bucket, "folder/"), Place(bucket, "copy/"), 0)

    assert set(await everything(seaweedfs, bucket)) == {"folder/", "copy/"}


async def test_a_listing_of_more_than_one_page_is_complete(seaweedfs: Real) -> None:
    bucket = await a_bucket(seaweedfs)
    names = {f"{number % 7}/{number}" for number in range(1010)}
    for name in names:
        await seaweedfs.copier.write(bucket, name, b"")

    assert set(await everything(seaweedfs, bucket)) == names
    await seaweedfs.copier.delete(bucket, sorted(names))
    assert await everything(seaweedfs, bucket) == {}


async def test_a_store_that_does_not_answer_is_unavailable(object_store: SeaweedServer) -> None:
    access = replace(object_store.access, endpoint="http://127.0.0.1:9")
    async with connected(access) as copier:
        for attempt in (
            copier.copy(Place("x", "x"), Place("y", "y"), 1),
            copier.read("x", "x"),
        ):
            with pytest.raises(errors.UnavailableError, match=r"http://127\.0\.0\.1:9 "):
                await attempt


async def test_a_refused_administrator_is_a_fault(object_store: SeaweedServer) -> None:
    access = replace(object_store.access, secret_access_key=SecretStr("not the secret"))
    async with connected(access) as copier:
        with pytest.raises(errors.FaultError, match="secret_key_file"):
            await copier.read("x", "x")
