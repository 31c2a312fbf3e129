"""The bucket of pictures, behind the machine's object-store door: write, remove, and check."""

from __future__ import annotations

import hashlib
import hmac
import io
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from configuration import Configuration

SECONDS = 20.0
PICTURES = "pictures/"
PROBE = "cache/probe"
"""Below a prefix that nobody carries."""
FOREVER = "public, max-age=31536000, immutable"
FAILURES = range(300, 600)


class StoreError(Exception):
    """The bucket does not answer, or refuses."""


class Bucket:
    """One bucket, addressed by path; the names of its objects need no escaping."""

    def __init__(self, session: aiohttp.ClientSession, configuration: Configuration) -> None:
        granted = configuration.bucket
        self._session = session
        self._endpoint = granted["endpoint"].rstrip("/")
        self._name = granted["bucket"]
        self._key = (granted["access_key_id"], configuration.bucket_secret(), granted["region"])

    async def put(self, name: str, content: bytes, kind: str) -> None:
        """Write an object that never changes.

        Raises:
            StoreError: it is not known to be written.
        """
        await self._call("PUT", name, content, {"content-type": kind, "cache-control": FOREVER})

    async def remove(self, name: str) -> None:
        """Remove an object; it may have gone already.

        Raises:
            StoreError: it is not known to have gone.
        """
        await self._call("DELETE", name)

    async def check(self) -> None:
        """Make sure that the bucket takes and gives back an object.

        Raises:
            StoreError: it does not.
        """
        await self._call("PUT", PROBE, b"usable")
        if await self._call("GET", PROBE) != b"usable":
            raise StoreError("the object store gives back something else")

    async def _call(
        self, method: str, name: str, body: bytes = b"", fields: dict[str, str] | None = None
    ) -> bytes:
        path = f"/{self._name}/{name}"
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        host = urlsplit(self._endpoint).netloc
        signed = authorization(self._key, (method, path), host, body, moment)
        try:
            async with self._session.request(
                method,
                f"{self._endpoint}{path}",
                data=io.BytesIO(body) if body else None,
                headers={**(fields or {}), **signed},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as answer:
                content = await answer.content.read(1 << 16)
        except (aiohttp.ClientError, OSError) as error:
            raise StoreError(f"the object store does not answer: {type(error).__name__}") from error
        if answer.status in FAILURES:
            raise StoreError(f"the object store refuses with status {answer.status}")
        return content


def authorization(
    key: tuple[str, str, str], request: tuple[str, str], host: str, body: bytes, moment: str
) -> dict[str, str]:
    """Return the header fields of a request signed with AWS Signature Version 4.

    Args:
        key: access key id, secret, and region.
        request: method and path.
        host: host and port, as they stand in the request.
        body: what is sent along.
        moment: such as 20260131T120000Z.
    """
    key_id, secret, region = key
    digest = hashlib.sha256(body).hexdigest()
    fields = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
    names = ";".join(fields)
    canonical = [*request, "", *(f"{name}:{it}" for name, it in fields.items()), "", names, digest]
    scope = [moment[:8], region, "s3", "aws4_request"]
    summary = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    signing = f"AWS4{secret}".encode()
    for part in scope:
        signing = hmac.digest(signing, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", moment, "/".join(scope), summary])
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    fields["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{'/'.join(scope)}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return fields
