"""What storage may rely on in every object store: the one in memory and a real one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from services.storage.domain.buckets import AccessKey, Holder, NewKey
from services.storage.service.grant import ensure_key
from shared import errors, ids
from tests.support import s3
from tests.support.fakes.object_store import DeniedError, FakeHolder, FakeObjectStore
from tests.support.listener import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.storage.adapters.iam import IamObjectStore
    from services.storage.ports import ObjectStore
    from shared.embedded.servers.seaweedfs import Access, SeaweedServer


class Case(Protocol):
    """A store under test, and ways to look at it from outside."""

    @property
    def store(self) -> ObjectStore: ...

    def holder(self, key: NewKey) -> FakeHolder | s3.S3Holder: ...

    async def exists(self, bucket: str) -> bool: ...

    async def widen(self, bucket: str) -> None:
        """Give the bucket's holder rights on everything, behind storage's back."""

    async def leave_an_upload_open(self, bucket: str) -> None: ...


@dataclass
class InMemory:
    """The fake."""

    store: FakeObjectStore

    def holder(self, key: NewKey) -> FakeHolder:
        return FakeHolder(self.store, key)

    async def exists(self, bucket: str) -> bool:
        return bucket in self.store.buckets

    async def widen(self, bucket: str) -> None:
        self.store.widened.add(bucket)

    async def leave_an_upload_open(self, bucket: str) -> None:
        self.store.buckets[bucket]["large"] = b""


@dataclass
class Real:
    """A running SeaweedFS."""

    store: IamObjectStore
    access: Access

    def holder(self, key: NewKey) -> s3.S3Holder:
        return s3.S3Holder(self.access, key)

    async def exists(self, bucket: str) -> bool:
        return bucket in await s3.list_buckets(self.access)

    async def widen(self, bucket: str) -> None:
        everything = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}
        text = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        async with s3.client(self.access, "iam") as iam:
            for name in ("bucket", "everything"):
                await iam.put_user_policy(UserName=bucket, PolicyName=name, PolicyDocument=text)

    async def leave_an_upload_open(self, bucket: str) -> None:
        async with s3.client(self.access, "s3") as administrator:
            begun = await administrator.create_multipart_upload(Bucket=bucket, Key="large")
            await administrator.upload_part(
                Bucket=bucket, Key="large", PartNumber=1, UploadId=begun["UploadId"], Body=b"x"
            )


@pytest.fixture
async def seaweedfs(object_store: SeaweedServer) -> AsyncIterator[Case]:
    async with s3.administered(object_store.access) as store:
        yield Real(store, object_store.access)


@pytest.fixture
def fake() -> Case:
    return InMemory(FakeObjectStore())


@pytest.fixture(params=["fake", "seaweedfs"])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found


def a_name() -> str:
    return ids.bucket_name(ids.new_id(), "hello", "entries")


async def a_bucket(case: Case) -> tuple[str, NewKey]:
    name = a_name()
    await case.store.ensure_bucket(name)
    await case.store.ensure_holder(Holder.own(name))
    return name, await case.store.create_key(Holder.own(name))


async def test_a_key_reads_writes_lists_and_deletes_in_its_bucket(case: Case) -> None:
    bucket, key = await a_bucket(case)
    holder = case.holder(key)

    await holder.put(bucket, "entries/1", b"hello")

    assert await holder.get(bucket, "entries/1") == b"hello"
    assert await holder.list_objects(bucket) == ["entries/1"]
    await holder.delete(bucket, "entries/1")
    assert await holder.list_objects(bucket) == []


async def test_making_a_bucket_and_its_holder_again_changes_nothing(case: Case) -> None:
    bucket, key = await a_bucket(case)
    await case.holder(key).put(bucket, "entries/1", b"hello")

    await case.store.ensure_bucket(bucket)
    await case.store.ensure_holder(Holder.own(bucket))

    assert await case.holder(key).get(bucket, "entries/1") == b"hello"
    assert await case.store.list_keys(bucket) == {key.id}


async def test_a_holder_that_may_only_read_changes_nothing(case: Case) -> None:
    bucket, key = await a_bucket(case)
    await case.holder(key).put(bucket, "entries/1", b"hello")
    reader = Holder(bucket, f"fdv-{ids.new_id()}-reader", is_writable=False)
    await case.store.ensure_holder(reader)

    reading = case.holder(await case.store.create_key(reader))

    assert await reading.get(bucket, "entries/1") == b"hello"
    assert await reading.list_objects(bucket) == ["entries/1"]
    for attempt in (
        reading.put(bucket, "entries/2", b"x"),
        reading.put(bucket, "entries/1", b"x"),
        reading.delete(bucket, "entries/1"),
        reading.create_key_of(bucket),
    ):
        with pytest.raises(DeniedError):
            await attempt
    assert await case.holder(key).get(bucket, "entries/1") == b"hello"


async def test_taking_a_second_holder_away_leaves_the_first_its_key(case: Case) -> None:
    bucket, key = await a_bucket(case)
    reader = Holder(bucket, f"fdv-{ids.new_id()}-reader", is_writable=False)
    await case.store.ensure_holder(reader)
    borrowed = await case.store.create_key(reader)

    await case.store.revoke(reader.name)

    assert await case.store.list_keys(reader.name) == frozenset()
    with pytest.raises(DeniedError):
        await case.holder(borrowed).list_objects(bucket)
    await case.holder(key).put(bucket, "entries/1", b"x")


async def test_a_holder_loses_the_right_to_write_when_it_may_only_read(case: Case) -> None:
    bucket, key = await a_bucket(case)
    await case.holder(key).put(bucket, "entries/1", b"hello")

    await case.store.ensure_holder(Holder(bucket, bucket, is_writable=False))

    assert await case.holder(key).get(bucket, "entries/1") == b"hello"
    with pytest.raises(DeniedError):
        await case.holder(key).put(bucket, "entries/1", b"other")


async def test_one_deployment_cannot_reach_the_bucket_of_another(case: Case) -> None:
    mine, my_key = await a_bucket(case)
    theirs, their_key = await a_bucket(case)
    await case.holder(their_key).put(theirs, "entries/1", b"theirs")
    stranger = case.holder(my_key)

    for attempt in (
        stranger.get(theirs, "entries/1"),
        stranger.put(theirs, "entries/2", b"mine"),
        stranger.list_objects(theirs),
        stranger.delete(theirs, "entries/1"),
        stranger.delete_bucket(theirs),
        stranger.create_key_of(theirs),
    ):
        with pytest.raises(DeniedError):
            await attempt

    assert await case.holder(their_key).list_objects(theirs) == ["entries/1"]
    await stranger.put(mine, "entries/1", b"mine")


async def test_a_holder_cannot_do_more_than_use_its_bucket(case: Case) -> None:
    bucket, key = await a_bucket(case)
    holder = case.holder(key)

    for attempt in (
        holder.open_to_everybody(bucket),
        holder.delete_bucket(bucket),
        holder.create_bucket(a_name()),
        holder.list_holders(),
    ):
        with pytest.raises(DeniedError):
            await attempt


async def test_a_holder_sees_no_bucket_of_others(case: Case) -> None:
    _, key = await a_bucket(case)
    theirs, _ = await a_bucket(case)

    assert theirs not in await case.holder(key).list_buckets()


async def test_rights_that_somebody_widened_are_set_back(case: Case) -> None:
    bucket, key = await a_bucket(case)
    other, _ = await a_bucket(case)
    await case.widen(bucket)
    await case.holder(key).list_objects(other)

    await case.store.ensure_holder(Holder.own(bucket))

    with pytest.raises(DeniedError):
        await case.holder(key).list_objects(other)
    await case.holder(key).list_objects(bucket)


async def test_a_bucket_without_a_holder_has_no_keys(case: Case) -> None:
    assert await case.store.list_keys(a_name()) == frozenset()


async def test_a_deleted_key_opens_nothing_and_the_other_still_does(case: Case) -> None:
    bucket, first = await a_bucket(case)
    second = await case.store.create_key(Holder.own(bucket))

    await case.store.delete_key(bucket, first.id)
    await case.store.delete_key(bucket, first.id)

    assert await case.store.list_keys(bucket) == {second.id}
    with pytest.raises(DeniedError):
        await case.holder(first).list_objects(bucket)
    await case.holder(second).list_objects(bucket)


async def test_revoking_takes_every_key_also_one_that_the_holder_made(case: Case) -> None:
    bucket, key = await a_bucket(case)
    own = await case.holder(key).create_key_of(bucket)
    await case.holder(own).put(bucket, "entries/1", b"x")

    await case.store.revoke(bucket)
    await case.store.revoke(bucket)

    assert await case.store.list_keys(bucket) == frozenset()
    for revoked in (key, own):
        with pytest.raises(DeniedError):
            await case.holder(revoked).get(bucket, "entries/1")
        with pytest.raises(DeniedError):
            await case.holder(revoked).create_key_of(bucket)
    assert await case.exists(bucket)


async def test_a_holder_that_comes_back_gets_only_new_keys(case: Case) -> None:
    bucket, old = await a_bucket(case)
    await case.store.revoke(bucket)
    await case.store.ensure_holder(Holder.own(bucket))

    new = await case.store.create_key(Holder.own(bucket))

    assert await case.store.list_keys(bucket) == {new.id}
    with pytest.raises(DeniedError):
        await case.holder(old).list_objects(bucket)


async def test_a_bucket_is_deleted_with_everything_in_it(case: Case) -> None:
    bucket, key = await a_bucket(case)
    await asyncio.gather(*(case.holder(key).put(bucket, f"e/{n}", b"x") for n in range(5)))
    await case.leave_an_upload_open(bucket)

    await case.store.delete_bucket(bucket)
    await case.store.delete_bucket(bucket)

    assert not await case.exists(bucket)


async def test_a_crash_before_a_key_is_recorded_leaves_one_key(case: Case) -> None:
    bucket, lost = await a_bucket(case)

    found = await ensure_key(case.store, Holder.own(bucket), None, SecretStr.get_secret_value)

    assert await case.store.list_keys(bucket) == {found.id}
    with pytest.raises(DeniedError):
        await case.holder(lost).list_objects(bucket)
    again = await ensure_key(case.store, Holder.own(bucket), found, SecretStr.get_secret_value)
    assert again == found
    await case.holder(NewKey(id=found.id, secret=SecretStr(found.sealed_secret))).list_objects(
        bucket
    )


async def test_a_recorded_key_that_is_gone_is_replaced(case: Case) -> None:
    bucket, key = await a_bucket(case)
    known = AccessKey(id=key.id, sealed_secret=key.secret.get_secret_value())
    await case.store.revoke(bucket)

    found = await ensure_key(case.store, Holder.own(bucket), known, SecretStr.get_secret_value)

    assert found.id != known.id
    assert await case.store.list_keys(bucket) == {found.id}


async def test_grants_at_the_same_time_do_not_disturb_each_other(case: Case) -> None:
    granted = await asyncio.gather(*(a_bucket(case) for _ in range(8)))

    for bucket, key in granted:
        assert await case.store.list_keys(bucket) == {key.id}
        await case.holder(key).list_objects(bucket)


async def test_a_store_that_does_not_answer_is_unavailable(object_store: SeaweedServer) -> None:
    async with s3.administered(
        replace(object_store.access, endpoint="http://127.0.0.1:9")
    ) as store:
        for attempt in (
            store.ensure_bucket(a_name()),
            store.ensure_holder(Holder.own(a_name())),
            store.list_keys(a_name()),
            store.revoke(a_name()),
            store.delete_bucket(a_name()),
        ):
            with pytest.raises(errors.UnavailableError, match=r"http://127\.0\.0\.1:9 "):
                await attempt


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        ("507 Insufficient Storage", "InsufficientStorage", "store.full"),
        ("403 Forbidden", "QuotaExceeded", "store.limit"),
        ("503 Slow Down", "SlowDown", "store.unavailable"),
    ],
)
async def test_a_store_that_has_nothing_left_to_give_is_named(
    object_store: SeaweedServer, status: str, word: str, code: str
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        text = f"<?xml version='1.0'?><Error><Code>{word}</Code></Error>"
        body = "" if head.startswith(b"HEAD") else text
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n"
            f"Connection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()

    async with listening(refuse) as address:
        access = replace(object_store.access, endpoint=f"http://{address}")
        async with s3.administered(access) as store:
            with pytest.raises(errors.HostingError) as raised:
                await store.ensure_bucket(a_name())

    assert raised.value.code == code


async def test_a_refused_administrator_is_a_fault_that_says_what_to_check(
    object_store: SeaweedServer,
) -> None:
    wrong = SecretStr("not the secret")
    async with s3.administered(replace(object_store.access, secret_access_key=wrong)) as store:
        for attempt in (store.ensure_bucket(a_name()), store.ensure_holder(Holder.own(a_name()))):
            with pytest.raises(errors.FaultError, match="secret_key_file") as raised:
                await attempt
            assert "not the secret" not in str(raised.value)


async def test_more_objects_than_one_page_are_deleted(object_store: SeaweedServer) -> None:
    async with s3.administered(object_store.access) as store:
        bucket, _ = await a_bucket(Real(store, object_store.access))
        async with s3.client(object_store.access, "s3") as administrator:
            many = range(1001)
            puts = (administrator.put_object(Bucket=bucket, Key=f"{n}", Body=b"") for n in many)
            await asyncio.gather(*puts)
            await store.delete_bucket(bucket)
            with pytest.raises(ClientError):
                await administrator.head_bucket(Bucket=bucket)
