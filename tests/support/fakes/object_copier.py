"""Objects in memory, handled as storage's administrator handles those of a real store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from services.storage.domain.objects import Place, StoredObject
from services.storage.ports import ObjectCopier
from shared import errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tests.support.fakes.object_store import FakeObjectStore

PAGE = 2


@dataclass(slots=True)
class FakeObjectCopier(ObjectCopier):
    """Sees the buckets of a `FakeObjectStore`."""

    store: FakeObjectStore
    before_copy: Callable[[Place], None] | None = None
    """Called with what is copied, before it is: for what may happen in that moment."""
    copies: int = 0
    """How many objects were copied."""

    @override
    async def list_objects(
        self, bucket: str, prefix: str = ""
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield small pages."""
        found = [
            StoredObject(
                key=key,
                size=len(content),
                etag=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            )
            for key, content in self._objects(bucket).items()
            if key.startswith(prefix)
        ]
        for first in range(0, max(1, len(found)), PAGE):
            yield found[first : first + PAGE]

    @override
    async def copy(self, source: Place, target: Place, size: int) -> bool:
        """Copy an object."""
        if self.before_copy:
            self.before_copy(source)
        content = self._objects(source.bucket).get(source.key)
        if content is None:
            return False
        self._objects(target.bucket)[target.key] = content
        self.copies += 1
        return True

    @override
    async def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects."""
        for key in keys:
            self._objects(bucket).pop(key, None)

    @override
    async def write(self, bucket: str, key: str, content: bytes) -> None:
        """Write an object."""
        self._objects(bucket)[key] = content

    @override
    async def read(self, bucket: str, key: str) -> bytes:
        """Read an object."""
        content = self._objects(bucket).get(key)
        if content is None:
            raise errors.NotFoundError("object.unknown", f"there is no object {key} in {bucket}")
        return content

    @override
    async def digest(self, bucket: str, key: str) -> str:
        """Hash an object."""
        return hashlib.sha256(await self.read(bucket, key)).hexdigest()

    def _objects(self, bucket: str) -> dict[str, bytes]:
        if self.store.is_away:
            raise errors.UnavailableError("store.unavailable", "the object store does not answer")
        if bucket not in self.store.buckets:
            raise errors.FaultError("store.unexpected", f"there is no bucket {bucket}")
        return self.store.buckets[bucket]
