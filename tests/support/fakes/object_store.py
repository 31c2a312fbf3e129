"""An object store in memory, which keeps to the same contract as the real ones."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr
from typing_extensions import override

from services.storage.domain.buckets import Holder, NewKey
from services.storage.ports import ObjectStore
from shared import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class DeniedError(Exception):
    """The store does not let the holder of this key do that."""


@dataclass(slots=True)
class FakeObjectStore(ObjectStore):
    """Buckets with their objects, and holders with their keys."""

    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    holders: dict[str, set[str]] = field(default_factory=dict)
    """Ids of the keys of each holder."""
    rights: dict[str, Holder] = field(default_factory=dict)
    """What each holder may open."""
    widened: set[str] = field(default_factory=set)
    """Holders with more rights than theirs."""
    published: set[str] = field(default_factory=set)
    """Buckets whose objects anybody may read."""
    is_away: bool = False
    lost_answers: int = 0
    """So many new keys are made, but nobody hears of them."""
    refusals: int = 0
    """So many requests are refused, as with a wrong administrator's key."""
    refused_keys: int = 0
    """So many requests for a new key are refused."""
    before_deletion: Callable[[], Awaitable[None]] | None = None
    """Called once, before the next bucket is deleted: for what may happen in that moment."""
    _numbers: itertools.count[int] = field(
        default_factory=lambda: itertools.count(1), compare=False
    )

    @override
    async def ensure_bucket(self, bucket: str) -> None:
        """Make the bucket exist."""
        self._answer()
        self.buckets.setdefault(bucket, {})

    @override
    async def ensure_holder(self, holder: Holder) -> None:
        """Make the holder exist, with its own rights only."""
        self._answer()
        self.holders.setdefault(holder.name, set())
        self.rights[holder.name] = holder
        self.widened.discard(holder.name)

    @override
    async def publish(self, bucket: str) -> None:
        """Let anybody read the bucket's objects."""
        self._answer()
        if bucket not in self.buckets:
            raise errors.FaultError("store.unexpected", f"there is no bucket {bucket}")
        self.published.add(bucket)

    @override
    async def unpublish(self, bucket: str) -> None:
        """Let nobody but the holder read the bucket."""
        self._answer()
        self.published.discard(bucket)

    @override
    async def list_keys(self, holder: str) -> frozenset[str]:
        """Return the ids of the holder's keys."""
        self._answer()
        return frozenset(self.holders.get(holder, ()))

    @override
    async def create_key(self, holder: Holder) -> NewKey:
        """Return a new key of the holder."""
        self._answer()
        if holder.name not in self.holders:
            raise errors.FaultError("store.unexpected", f"there is no {holder.name}")
        if self.refused_keys:
            self.refused_keys -= 1
            raise errors.QuotaExceededError("store.limit", "there are keys enough")
        number = next(self._numbers)
        self.holders[holder.name].add(f"KEY{number}")
        if self.lost_answers:
            self.lost_answers -= 1
            raise errors.UnavailableError("store.unavailable", "the answer was lost")
        return NewKey(id=f"KEY{number}", secret=SecretStr(f"secret-{number}"))

    @override
    async def delete_key(self, holder: str, key: str) -> None:
        """Delete a key of the holder."""
        self._answer()
        self.holders.get(holder, set()).discard(key)

    @override
    async def revoke(self, holder: str) -> None:
        """Delete the holder with its keys."""
        self._answer()
        self.published.discard(holder)
        self.holders.pop(holder, None)
        self.rights.pop(holder, None)
        self.widened.discard(holder)

    @override
    async def delete_bucket(self, bucket: str) -> None:
        """Delete the bucket with its objects."""
        if self.before_deletion:
            happens, self.before_deletion = self.before_deletion, None
            await happens()
        self._answer()
        self.published.discard(bucket)
        self.buckets.pop(bucket, None)

    def visit(self, method: str, path: str) -> int:
        """Return the status of what somebody without a key asks for."""
        bucket, _, key = path.partition("/")
        is_reading = (
            method in {"GET", "HEAD"} and key and not {"?", ".."} & {*path, *key.split("/")}
        )
        if bucket not in self.published or not is_reading:
            return 403
        return 200 if key in self.buckets[bucket] else 404

    def _answer(self) -> None:
        if self.is_away:
            raise errors.UnavailableError("store.unavailable", "the object store does not answer")
        if self.refusals:
            self.refusals -= 1
            raise errors.FaultError("store.refused", "the object store refuses the key")


@dataclass(frozen=True, slots=True)
class FakeHolder:
    """Somebody who has a key of a `FakeObjectStore`."""

    store: FakeObjectStore
    key: NewKey

    async def put(self, bucket: str, name: str, content: bytes) -> None:
        """Write an object."""
        self._open(bucket, for_writing=True)[name] = content

    async def get(self, bucket: str, name: str) -> bytes:
        """Read an object."""
        return self._open(bucket)[name]

    async def list_objects(self, bucket: str) -> list[str]:
        """List the objects of a bucket."""
        return sorted(self._open(bucket))

    async def list_buckets(self) -> list[str]:
        """List the buckets that the store shows to this holder."""
        return [self._rights().bucket]

    async def delete(self, bucket: str, name: str) -> None:
        """Delete an object."""
        self._open(bucket, for_writing=True).pop(name, None)

    async def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket, which no holder may."""
        raise DeniedError(bucket)

    async def create_bucket(self, bucket: str) -> None:
        """Create a bucket, which no holder may."""
        raise DeniedError(bucket)

    async def open_to_everybody(self, bucket: str) -> None:
        """Change who may read a bucket, which no holder may."""
        raise DeniedError(bucket)

    async def create_key_of(self, bucket: str) -> NewKey:
        """Create a key; as in some stores, holders may create keys for themselves."""
        if self._rights().name != bucket:
            raise DeniedError(bucket)
        return await self.store.create_key(self._rights())

    async def list_holders(self) -> list[str]:
        """List who else has access, which no holder may."""
        raise DeniedError(self._rights().name)

    def _rights(self) -> Holder:
        for holder, keys in self.store.holders.items():
            if self.key.id in keys:
                return self.store.rights[holder]
        raise DeniedError(self.key.id)

    def _open(self, bucket: str, *, for_writing: bool = False) -> dict[str, bytes]:
        rights = self._rights()
        is_allowed = rights.bucket == bucket and (rights.is_writable or not for_writing)
        if not is_allowed and rights.name not in self.store.widened:
            raise DeniedError(bucket)
        return self.store.buckets[bucket]
