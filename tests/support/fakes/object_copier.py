"""Objects in memory, handled as storage's administrator handles those of a real store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
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
    before_read: Callable[[], None] | None = None
    """Called before an object is read: for what may be seen in that moment."""
    own_tags: bool = False
    """Whether copies have tags of their own from now on, as those made in parts do."""
    in_parts: dict[Place, bytes] = field(default_factory=dict)
    """What has such a tag, as long as that is its content."""
    copies: int = 0
    """How many objects were copied."""

    @override
    async def list_objects(
        self, bucket: str, prefix: str = ""
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield small pages."""
        found = [
            self._stored(Place(bucket, key), content)
            for key, content in self._objects(bucket).items()
            if key.startswith(prefix)
        ]
        for first in range(0, max(1, len(found)), PAGE):
            yield found[first : first + PAGE]

    @override
    async def find(self, place: Place) -> StoredObject | None:
        """Return an object."""
        content = self._objects(place.bucket).get(place.key) if self._has(place.bucket) else None
        return None if content is None else self._stored(place, content)

    @override
    async def copy(self, source: Place, target: Place, size: int) -> str | None:
        """Copy an object."""
        if self.before_copy:
            self.before_copy(source)
        content = self._objects(source.bucket).get(source.key)
        if content is None:
            return None
        self._objects(target.bucket)[target.key] = content
        self.copies += 1
        if self.own_tags:
            self.in_parts[target] = content
        return self._stored(target, content).etag

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
        if self.before_read:
            self.before_read()
        content = self._objects(bucket).get(key)
        if content is None:
            raise errors.NotFoundError("object.unknown", f"there is no object {key} in {bucket}")
        return content

    def _has(self, bucket: str) -> bool:
        return self.store.is_away or bucket in self.store.buckets

    def _objects(self, bucket: str) -> dict[str, bytes]:
        if self.store.is_away:
            raise errors.UnavailableError("store.unavailable", "the object store does not answer")
        if bucket not in self.store.buckets:
            raise errors.FaultError("store.unexpected", f"there is no bucket {bucket}")
        return self.store.buckets[bucket]

    def _stored(self, place: Place, content: bytes) -> StoredObject:
        parts = "-1" if self.in_parts.get(place) == content else ""
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest() + parts
        return StoredObject(key=place.key, size=len(content), etag=etag)
