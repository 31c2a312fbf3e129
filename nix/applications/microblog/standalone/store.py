"""The bucket of pictures, behind the machine's object-store door: write, remove, and check."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import signing

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
        self._signer = signing.Signer(
            (granted["access_key_id"], configuration.bucket_secret()),
            granted["region"],
            urlsplit(self._endpoint).netloc,
        )

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
        signed = self._signer.fields((method, path, ""), signing.digest_of(body))
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
