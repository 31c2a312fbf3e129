"""A real S3 store seen from outside: by the holder of a key, or by its administrator."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aioboto3
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import SecretStr

from services.storage.adapters.iam import IamObjectStore
from services.storage.domain.buckets import NewKey

from .fakes.object_store import DeniedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from contextlib import AbstractAsyncContextManager

    from shared.embedded.servers.seaweedfs import Access

PLAIN = Config(
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    retries={"total_max_attempts": 1},
)
REFUSED = 403


@asynccontextmanager
async def client(access: Access, kind: str, key: NewKey | None = None) -> AsyncIterator[Any]:
    """Yield a client of the store, as the administrator or with a key."""
    secret = key.secret if key else access.secret_access_key
    session = aioboto3.Session(
        aws_access_key_id=key.id if key else access.access_key_id,
        aws_secret_access_key=secret.get_secret_value(),
        region_name=access.region,
    )
    async with session.client(kind, endpoint_url=access.endpoint, config=PLAIN) as found:
        yield found


def administered(access: Access) -> AbstractAsyncContextManager[IamObjectStore]:
    """Connect to the store as storage does."""
    return IamObjectStore.connect(
        endpoint=access.endpoint,
        region=access.region,
        access_key_id=access.access_key_id,
        secret_key=access.secret_access_key,
    )


async def _allowed(work: Awaitable[Any]) -> Any:  # noqa: ANN401 - an answer without types
    try:
        return await work
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == REFUSED:
            raise DeniedError(str(error)) from error
        raise


class S3Holder:
    """Somebody who has a key of a real store."""

    def __init__(self, access: Access, key: NewKey) -> None:
        self._access = access
        self._key = key

    async def _call(self, kind: str, operation: str, **arguments: object) -> Any:  # noqa: ANN401 - an answer without types
        async with client(self._access, kind, self._key) as found:
            return await _allowed(getattr(found, operation)(**arguments))

    async def put(self, bucket: str, name: str, content: bytes) -> None:
        """Write an object."""
        await self._call("s3", "put_object", Bucket=bucket, Key=name, Body=content)

    async def get(self, bucket: str, name: str) -> bytes:
        """Read an object."""
        async with client(self._access, "s3", self._key) as s3:
            answer = await _allowed(s3.get_object(Bucket=bucket, Key=name))
            content: bytes = await answer["Body"].read()
        return content

    async def list_objects(self, bucket: str) -> list[str]:
        """List the objects of a bucket."""
        answer = await self._call("s3", "list_objects_v2", Bucket=bucket)
        return [it["Key"] for it in answer.get("Contents", ())]

    async def list_buckets(self) -> list[str]:
        """List the buckets that the store shows to this holder; none where it refuses."""
        try:
            answer = await self._call("s3", "list_buckets")
        except DeniedError:
            return []
        return [it["Name"] for it in answer["Buckets"]]

    async def delete(self, bucket: str, name: str) -> None:
        """Delete an object."""
        await self._call("s3", "delete_object", Bucket=bucket, Key=name)

    async def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket."""
        await self._call("s3", "delete_bucket", Bucket=bucket)

    async def create_bucket(self, bucket: str) -> None:
        """Create a bucket."""
        await self._call("s3", "create_bucket", Bucket=bucket)

    async def open_to_everybody(self, bucket: str) -> None:
        """Let the world read a bucket."""
        everybody = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{bucket}/*"],
        }
        text = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
        await self._call("s3", "put_bucket_policy", Bucket=bucket, Policy=text)

    async def create_key_of(self, bucket: str) -> NewKey:
        """Create a key of a bucket's holder."""
        created = await self._call("iam", "create_access_key", UserName=bucket)
        found = created["AccessKey"]
        return NewKey(id=found["AccessKeyId"], secret=SecretStr(found["SecretAccessKey"]))

    async def list_holders(self) -> list[str]:
        """List who else has access."""
        answer = await self._call("iam", "list_users")
        return [it["UserName"] for it in answer["Users"]]


async def list_buckets(access: Access) -> list[str]:
    """Return the name of every bucket of the store."""
    async with client(access, "s3") as s3:
        return [it["Name"] for it in (await s3.list_buckets())["Buckets"]]


async def list_keys(access: Access) -> dict[str, list[str]]:
    """Return every user of the store with the ids of its keys."""
    async with client(access, "iam") as iam:
        users = [it["UserName"] for it in (await iam.list_users())["Users"]]
        return {
            name: [
                it["AccessKeyId"]
                for it in (await iam.list_access_keys(UserName=name))["AccessKeyMetadata"]
            ]
            for name in users
        }
