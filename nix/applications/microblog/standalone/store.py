"""The bucket of pictures, behind the machine's object-store door: write, remove, and check."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import signing
from configuration import BUCKET_SECRET, Refusal

if TYPE_CHECKING:
    from configuration import Configuration

SECONDS = 20.0
PICTURES = "pictures/"
PROBE = "cache/probe"
"""Below a prefix that nobody carries."""
FOREVER = "public, max-age=31536000, immutable"
FAILURES = range(300, 600)


class StoreError(Refusal):
    """The bucket does not answer, or refuses."""

    status = 503


class Bucket:
    """One bucket, addressed by path; the names of its objects need no escaping."""

    def __init__(self, session: aiohttp.ClientSession, it: Configuration) -> None:
        self._session = session
        self._endpoint = it.bucket["endpoint"].rstrip("/")
        self._name = it.bucket["bucket"]
        key = (it.bucket["access_key_id"], it.secret(BUCKET_SECRET).decode())
        place = urlsplit(self._endpoint).netloc
        self._signer = signing.Signer(key, it.bucket["region"], place)

    async def put(self, name: str, content: bytes, kind: str) -> None:
        """Write an object that never changes."""
        await self._call("PUT", name, content, {"content-type": kind, "cache-control": FOREVER})

    async def remove(self, name: str) -> None:
        """Remove an object; it may have gone already."""
        await self._call("DELETE", name)

    async def problem(self) -> str | None:
        """Return why the bucket does not take and give back an object; None: it does."""
        try:
            await self._call("PUT", PROBE, b"usable")
            is_usable = await self._call("GET", PROBE) == b"usable"
        except StoreError as error:
            return str(error)
        return None if is_usable else "the object store gives back something else"

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
