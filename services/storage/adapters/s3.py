"""Objects of any store that speaks S3: copied by the store itself, read and written as streams.

An object above `parts_from` bytes is copied in parts, so that no single request takes long; its
ETag may then be another than the original's.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from typing_extensions import override

from shared import errors

from ..domain.objects import StoredObject
from ..ports import ObjectCopier
from . import aws, iam_errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from botocore.config import Config
    from pydantic import SecretStr

    from ..domain.objects import Place

GIB: Final = 1024**3
MOST_CONNECTIONS: Final = 32
MOST_DELETED: Final = 1000
"""How many keys a store accepts in one request."""
CHUNK: Final = 1024 * 1024
CARRIED: Final = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
)
"""What is known of an object besides its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3ObjectCopier(ObjectCopier):
    """Handles objects with the administrator's key, at one endpoint."""

    s3: Any
    parts_from: int = GIB
    """Above this size an object is copied in parts; at most 5 GiB."""
    part_size: int = GIB // 2

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, *, endpoint: str, region: str, access_key_id: str, secret_key: SecretStr
    ) -> AsyncIterator[S3ObjectCopier]:
        """Yield a copier for the store at an endpoint; nothing is sent yet."""
        session = aws.session(region, access_key_id, secret_key)
        async with session.client("s3", endpoint_url=endpoint, config=_settings()) as s3:
            yield cls(s3=s3)

    @override
    async def list_objects(
        self, bucket: str, prefix: str = ""
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the pages of a listing."""
        place: dict[str, str] = {"Bucket": bucket, "Prefix": prefix}
        while True:
            with iam_errors.translated(bucket):
                page = await self.s3.list_objects_v2(**place)
            yield [
                StoredObject(key=it["Key"], size=it["Size"], etag=_etag(it))
                for it in page.get("Contents", ())
            ]
            if not page.get("IsTruncated"):
                return
            place["ContinuationToken"] = page["NextContinuationToken"]

    @override
    async def find(self, place: Place) -> StoredObject | None:
        """Ask for what is known of an object."""
        with iam_errors.translated(place.bucket):
            try:
                known = await self.s3.head_object(**_named(place))
            except ClientError as error:
                if iam_errors.is_missing(error):
                    return None
                raise
        return StoredObject(key=place.key, size=known["ContentLength"], etag=_etag(known))

    @override
    async def copy(self, source: Place, target: Place, size: int) -> str | None:
        """Let the store copy, whole or in parts."""
        with iam_errors.translated(target.bucket):
            try:
                if size > self.parts_from:
                    return await self._copy_in_parts(source, target, size)
                copied = await self.s3.copy_object(**_named(target), CopySource=_named(source))
                return _etag(copied["CopyObjectResult"])
            except ClientError as error:
                if not iam_errors.is_no_object(error):
                    raise
                return await self._copy_marker(source, target, size)

    async def _copy_marker(self, source: Place, target: Place, size: int) -> str | None:
        """Make a folder's empty marker anew, which some stores list and cannot copy."""
        if size or not source.key.endswith("/"):
            return None
        return _etag(await self.s3.put_object(**_named(target), Body=b""))

    async def _copy_in_parts(self, source: Place, target: Place, size: int) -> str:
        known = await self.s3.head_object(**_named(source))
        carried = {name: known[name] for name in CARRIED if name in known}
        upload = await self.s3.create_multipart_upload(**_named(target), **carried)
        place = {**_named(target), "UploadId": upload["UploadId"]}
        is_complete = False
        try:
            parts = [
                await self._copy_part(source, place, number, (first, known))
                for number, first in enumerate(range(0, size, self.part_size), start=1)
            ]
            made = await self.s3.complete_multipart_upload(
                **place, MultipartUpload={"Parts": parts}
            )
            is_complete = True
            return _etag(made)
        finally:
            if not is_complete:
                await self.s3.abort_multipart_upload(**place)

    async def _copy_part(
        self,
        source: Place,
        place: Mapping[str, str],
        number: int,
        begun: tuple[int, Mapping[str, Any]],
    ) -> dict[str, object]:
        first, known = begun
        last = min(first + self.part_size, known["ContentLength"]) - 1
        answer = await self.s3.upload_part_copy(
            **place,
            PartNumber=number,
            CopySource=_named(source),
            CopySourceRange=f"bytes={first}-{last}",
            # Parts of two different objects would make a third.
            CopySourceIfMatch=known["ETag"],
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    @override
    async def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects, as many at once as a store accepts."""
        for first in range(0, len(keys), MOST_DELETED):
            names = [{"Key": it} for it in keys[first : first + MOST_DELETED]]
            with iam_errors.translated(bucket):
                answer = await self.s3.delete_objects(
                    Bucket=bucket, Delete={"Objects": names, "Quiet": True}
                )
            if failed := answer.get("Errors"):
                raise errors.UnavailableError(
                    "store.not_deleted",
                    f"the object store did not delete {len(failed)} objects of {bucket}: "
                    f"{failed[0].get('Key')}: {failed[0].get('Code')}",
                )

    @override
    async def write(self, bucket: str, key: str, content: bytes) -> None:
        """Write an object in one request."""
        with iam_errors.translated(bucket):
            await self.s3.put_object(Bucket=bucket, Key=key, Body=content)

    @override
    async def read(self, bucket: str, key: str) -> bytes:
        """Read an object in one piece."""
        return b"".join([it async for it in self._chunks(bucket, key)])

    async def _chunks(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        with iam_errors.translated(bucket):
            try:
                answer = await self.s3.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if not iam_errors.is_no_object(error):
                    raise
                raise errors.NotFoundError(
                    "object.unknown", f"there is no object {key} in {bucket}"
                ) from error
        body = answer["Body"]
        try:
            while True:
                with iam_errors.translated(bucket):
                    chunk: bytes = await body.read(CHUNK)
                if not chunk:
                    return
                yield chunk
        finally:
            body.close()


def _settings() -> Config:
    return aws.settings(
        # A store answers a copy when it has copied: a gibibyte, beside fifteen others.
        read_timeout=900,
        max_pool_connections=MOST_CONNECTIONS,
        # All that is asked for here may be asked for again.
        retries={"mode": "standard", "total_max_attempts": 2},
    )


def _etag(answer: Mapping[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')


def _named(place: Place) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.key}
