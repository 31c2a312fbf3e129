"""Any store that speaks S3 and AWS IAM, proved on SeaweedFS.

A holder is an IAM user of its name with one inline policy. A user may make keys for
itself on some stores, and nothing expires on others: taking access away means all of it.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from pydantic import SecretStr
from typing_extensions import override

from shared import errors

from ..domain.buckets import NewKey
from ..ports import ObjectStore
from . import aws, iam_errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aioboto3
    from botocore.config import Config

    from ..domain.buckets import Holder

POLICY: Final = "bucket"
# Exactly what an application needs: more would let it change policies, CORS or public access.
READING_ACTIONS: Final = ("s3:GetObject", "s3:ListBucket")
BUCKET_ACTIONS: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
FORCE_SECONDS: Final = 30.0
FORCE_PAUSES: Final = (0.01, 0.05, 0.2, 1.0)
EMPTYING_ROUNDS: Final = 5
DEFAULT_REGION: Final = "us-east-1"


def _settings() -> Config:
    return aws.settings(
        read_timeout=20,
        # A repeated CreateAccessKey would leave a key that nobody knows: jobs retry, not this.
        retries={"total_max_attempts": 1},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IamObjectStore(ObjectStore):
    """Administers a store through its IAM and S3 interfaces, at one endpoint."""

    endpoint: str
    region: str
    session: aioboto3.Session
    iam: Any
    s3: Any

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, *, endpoint: str, region: str, access_key_id: str, secret_key: SecretStr
    ) -> AsyncIterator[IamObjectStore]:
        """Yield a store that is administered with this key; nothing is sent yet."""
        session = aws.session(region, access_key_id, secret_key)
        options = {"endpoint_url": endpoint, "config": _settings()}
        async with session.client("iam", **options) as iam, session.client("s3", **options) as s3:
            yield cls(endpoint=endpoint, region=region, session=session, iam=iam, s3=s3)

    @override
    async def ensure_bucket(self, bucket: str) -> None:
        """Create the bucket unless it is ours already."""
        with iam_errors.translated(bucket):
            if await self._has_bucket(bucket):
                return
            place = {"LocationConstraint": self.region}
            elsewhere = (
                {} if self.region == DEFAULT_REGION else {"CreateBucketConfiguration": place}
            )
            try:
                await self.s3.create_bucket(Bucket=bucket, **elsewhere)
            except ClientError as error:
                if iam_errors.code(error) != "BucketAlreadyOwnedByYou":
                    raise

    async def _has_bucket(self, bucket: str) -> bool:
        try:
            await self.s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            # Whose it is, the attempt to create it tells; a refusal here may also mean our own key.
            if iam_errors.is_missing(error) or iam_errors.is_refused(error):
                return False
            raise
        return True

    @override
    async def ensure_holder(self, holder: Holder) -> None:
        """Create the user, and write its policy when it is not exactly ours."""
        user = holder.name
        with iam_errors.translated(user):
            try:
                await self.iam.create_user(UserName=user)
            except ClientError as error:
                if iam_errors.code(error) != "EntityAlreadyExists":
                    raise
            for name in await self._policies(user):
                if name != POLICY:
                    await self.iam.delete_user_policy(UserName=user, PolicyName=name)
            wanted = policy(holder)
            if await self._policy(user) != wanted:
                await self.iam.put_user_policy(
                    UserName=user, PolicyName=POLICY, PolicyDocument=json.dumps(wanted)
                )

    async def _policies(self, user: str) -> list[str]:
        answer = await self.iam.list_user_policies(UserName=user)
        return list(answer["PolicyNames"])

    async def _policy(self, user: str) -> object:
        try:
            answer = await self.iam.get_user_policy(UserName=user, PolicyName=POLICY)
        except ClientError as error:
            if iam_errors.is_missing(error):
                return None
            raise
        return answer["PolicyDocument"]

    @override
    async def publish(self, bucket: str) -> None:
        """Write the bucket's policy when it is not exactly ours."""
        wanted = public_policy(bucket)
        with iam_errors.translated(bucket):
            if await self._bucket_policy(bucket) != canonical(wanted):
                await self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(wanted))

    async def _bucket_policy(self, bucket: str) -> object:
        try:
            answer = await self.s3.get_bucket_policy(Bucket=bucket)
        except ClientError as error:
            if iam_errors.is_missing(error):
                return None
            raise
        return canonical(json.loads(answer["Policy"]))

    @override
    async def unpublish(self, bucket: str) -> None:
        """Delete the bucket's policy, whoever wrote it."""
        with iam_errors.translated(bucket), iam_errors.missing_is_fine():
            await self.s3.delete_bucket_policy(Bucket=bucket)

    @override
    async def list_keys(self, holder: str) -> frozenset[str]:
        """Return the ids of all keys of the user, none when there is no user."""
        with iam_errors.translated(holder):
            try:
                answer = await self.iam.list_access_keys(UserName=holder)
            except ClientError as error:
                if iam_errors.is_missing(error):
                    return frozenset()
                raise
            return frozenset(it["AccessKeyId"] for it in answer["AccessKeyMetadata"])

    @override
    async def create_key(self, holder: Holder) -> NewKey:
        """Create a key and wait until the store lets it in, which may take a while elsewhere."""
        with iam_errors.translated(holder.name):
            created = (await self.iam.create_access_key(UserName=holder.name))["AccessKey"]
            key = NewKey(id=created["AccessKeyId"], secret=SecretStr(created["SecretAccessKey"]))
            await self._until_in_force(holder.bucket, key)
        return key

    async def _until_in_force(self, bucket: str, key: NewKey) -> None:
        credentials = {
            "aws_access_key_id": key.id,
            "aws_secret_access_key": key.secret.get_secret_value(),
        }
        options: Mapping[str, Any] = {"endpoint_url": self.endpoint, "config": _settings()}
        try:
            async with (
                asyncio.timeout(FORCE_SECONDS),
                self.session.client("s3", **options, **credentials) as s3,
            ):
                attempt = 0
                while not await _opens(s3, bucket):
                    await asyncio.sleep(FORCE_PAUSES[min(attempt, len(FORCE_PAUSES) - 1)])
                    attempt += 1
        except TimeoutError as error:
            raise errors.UnavailableError(
                "store.key_not_in_force",
                f"the new key of {bucket} did not open it within {FORCE_SECONDS:.0f} s",
            ) from error

    @override
    async def delete_key(self, holder: str, key: str) -> None:
        """Delete one key of the user."""
        with iam_errors.translated(holder), iam_errors.missing_is_fine():
            await self.iam.delete_access_key(UserName=holder, AccessKeyId=key)

    @override
    async def revoke(self, holder: str) -> None:
        """Delete the policy of the bucket of its name, then all keys, all policies and the user."""
        await self.unpublish(holder)
        for key in await self.list_keys(holder):
            await self.delete_key(holder, key)
        with iam_errors.translated(holder), iam_errors.missing_is_fine():
            for name in await self._policies(holder):
                await self.iam.delete_user_policy(UserName=holder, PolicyName=name)
            await self.iam.delete_user(UserName=holder)

    @override
    async def delete_bucket(self, bucket: str) -> None:
        """Delete the policy, uploads, versions and objects, then the bucket."""
        await self.unpublish(bucket)
        with iam_errors.translated(bucket), iam_errors.missing_is_fine():
            for _ in range(EMPTYING_ROUNDS):
                await self._empty(bucket)
                try:
                    await self.s3.delete_bucket(Bucket=bucket)
                except ClientError as error:
                    if iam_errors.code(error) != "BucketNotEmpty":
                        raise
                else:
                    return
            raise errors.UnavailableError(
                "store.bucket_not_empty", f"{bucket} does not get empty: somebody still writes"
            )

    async def _empty(self, bucket: str) -> None:
        async for page in _pages(self.s3, "list_multipart_uploads", bucket):
            for it in page.get("Uploads", ()):
                await self.s3.abort_multipart_upload(
                    Bucket=bucket, Key=it["Key"], UploadId=it["UploadId"]
                )
        async for page in _pages(self.s3, "list_object_versions", bucket):
            await self._delete(bucket, [*page.get("Versions", ()), *page.get("DeleteMarkers", ())])
        async for page in _pages(self.s3, "list_objects_v2", bucket):
            await self._delete(bucket, page.get("Contents", ()))

    async def _delete(self, bucket: str, found: Any) -> None:  # noqa: ANN401 - entries of a listing
        keys = [{name: it[name] for name in ("Key", "VersionId") if name in it} for it in found]
        if keys:
            await self.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def policy(holder: Holder) -> dict[str, object]:
    """Return what a holder may do, as the store stores it."""
    resources = [f"arn:aws:s3:::{holder.bucket}", f"arn:aws:s3:::{holder.bucket}/*"]
    actions = BUCKET_ACTIONS if holder.is_writable else READING_ACTIONS
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    return {"Version": "2012-10-17", "Statement": [allowed]}


def public_policy(bucket: str) -> dict[str, object]:
    """Return what everybody may do with a published bucket."""
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        # Alone: without the right to list, nobody finds what nobody was told of.
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    return {"Version": "2012-10-17", "Statement": [allowed]}


def canonical(node: object) -> object:
    """Return a policy with lists of one as their only member, as some stores give it back."""
    match node:
        case dict():
            return {name: canonical(value) for name, value in node.items()}
        case [only]:
            return canonical(only)
        case list():
            return [canonical(it) for it in node]
        case _:
            return node


async def _opens(s3: Any, bucket: str) -> bool:  # noqa: ANN401 - a client without types
    try:
        await s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    except ClientError as error:
        if iam_errors.is_refused(error):
            return False
        raise
    return True


async def _pages(s3: Any, operation: str, bucket: str) -> AsyncIterator[Mapping[str, Any]]:  # noqa: ANN401 - a client without types
    async for page in s3.get_paginator(operation).paginate(Bucket=bucket):
        yield page
