"""What storage needs of the world, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.database import Transaction

    from .domain.buckets import AccessKey, Bucket, BucketState, Holder, NewKey


class ObjectStore(Protocol):
    """Administer a store of buckets, and the holders who may open one of them and nothing else.

    Every method may be repeated: it ensures what its name says. A store that does not answer is an
    UnavailableError; one that refuses us is a FaultError.
    """

    async def ensure_bucket(self, bucket: str) -> None:
        """Make the bucket exist, empty if it did not.

        Raises:
            ConflictError: the bucket belongs to somebody else.
        """
        ...

    async def ensure_holder(self, holder: Holder) -> None:
        """Make the holder exist with exactly its rights: read, list and, as said, write, delete."""
        ...

    async def publish(self, bucket: str) -> None:
        """Let anybody read single objects of the bucket, and do nothing else with it."""
        ...

    async def unpublish(self, bucket: str) -> None:
        """Let nobody but its holder read the bucket; one that does not exist is no error."""
        ...

    async def list_keys(self, holder: str) -> frozenset[str]:
        """Return the ids of every key of a holder, also of those it made itself."""
        ...

    async def create_key(self, holder: Holder) -> NewKey:
        """Return a new key of the holder that opens its bucket from now on."""
        ...

    async def delete_key(self, holder: str, key: str) -> None:
        """Make one key of a holder open nothing."""
        ...

    async def revoke(self, holder: str) -> None:
        """Take a holder away with all rights and all keys, and unpublish the bucket of its name."""
        ...

    async def delete_bucket(self, bucket: str) -> None:
        """Delete the bucket with everything in it."""
        ...


class BucketRepository(Protocol):
    """Remember buckets and the keys that were announced."""

    async def reserve(self, tx: Transaction, buckets: Sequence[Bucket]) -> None:
        """Write down buckets before anything is done about them; known ones keep their state."""
        ...

    async def list_of(self, tx: Transaction, deployment: str) -> list[Bucket]:
        """Return the buckets of a deployment, by name, locked until the transaction ends."""
        ...

    async def mark(self, tx: Transaction, names: Collection[str], state: BucketState) -> None:
        """Record the state of buckets."""
        ...

    async def find_keys(self, tx: Transaction, deployment: str) -> dict[str, AccessKey]:
        """Return the announced keys of a deployment, by bucket."""
        ...

    async def grant(self, tx: Transaction, deployment: str, keys: Mapping[str, AccessKey]) -> None:
        """Record the keys that are announced now; the deployment's other buckets are unused."""
        ...

    async def keep(self, tx: Transaction, name: str, days: int) -> None:
        """Record that a bucket has lost its key and is kept this long, from when it first was."""
        ...

    async def forget(self, tx: Transaction, names: Collection[str]) -> None:
        """Delete the rows of buckets that are gone."""
        ...

    async def list_due(self, tx: Transaction, deployment: str) -> list[str]:
        """Return the kept buckets of a deployment whose time has come."""
        ...

    async def has_work(self, tx: Transaction, deployment: str) -> bool:
        """Say whether a job of the deployment waits or is being done."""
        ...
