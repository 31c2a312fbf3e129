"""What storage needs of the world, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from shared.contracts.state import SavedApplication
    from shared.database import Transaction

    from .domain.backups import Backup, BackupState, Loan
    from .domain.buckets import AccessKey, Bucket, BucketState, Holder, NewKey
    from .domain.index import Contents
    from .domain.objects import Place, StoredObject


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


class ObjectCopier(Protocol):
    """Read, copy and delete objects in the buckets of a store, as its administrator.

    A store that does not answer is an UnavailableError; one that refuses us is a FaultError.
    """

    def list_objects(self, bucket: str, prefix: str = "") -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a prefix, page by page, in no certain order."""
        ...

    async def find(self, place: Place) -> StoredObject | None:
        """Return an object as a listing shows it, or None when there is none, or no bucket."""
        ...

    async def copy(self, source: Place, target: Place, size: int) -> str | None:
        """Copy an object of this size and what is known of it, inside of the store.

        Returns:
            The ETag of the copy, or None when there is no such object any more.
        """
        ...

    async def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects; those that do not exist are no error."""
        ...

    async def write(self, bucket: str, key: str, content: bytes) -> None:
        """Write a small object."""
        ...

    async def read(self, bucket: str, key: str) -> bytes:
        """Return the content of a small object.

        Raises:
            NotFoundError: there is no such object.
        """
        ...


class BackupRepository(Protocol):
    """Remember backups, and to whom they are lent."""

    async def add(self, tx: Transaction, backup: Backup) -> None:
        """Write down a new backup before anything is done about it; now is its moment."""
        ...

    async def find(self, tx: Transaction, backup: str) -> Backup | None:
        """Return a backup, locked until the transaction ends."""
        ...

    async def list_unfinished(self, tx: Transaction, deployment: str) -> list[Backup]:
        """Return the backups of a deployment that are neither complete nor being removed."""
        ...

    async def mark(self, tx: Transaction, backup: str, state: BackupState) -> None:
        """Record the state of a backup."""
        ...

    async def open(self, tx: Transaction, backup: str, key: AccessKey) -> None:
        """Record the key that is announced now: the backup is exporting."""
        ...

    async def save(
        self, tx: Transaction, backup: str, applications: Sequence[SavedApplication]
    ) -> None:
        """Record what deployer said of the export."""
        ...

    async def complete(self, tx: Transaction, backup: str, contents: Contents) -> None:
        """Record that a backup is complete, and that no key opens it any more."""
        ...

    async def forget(self, tx: Transaction, backup: str) -> None:
        """Delete the row of a backup that is gone, and its loans."""
        ...

    async def lend(self, tx: Transaction, loan: Loan) -> None:
        """Write down a loan before its holder is made; an earlier one of the same is over."""
        ...

    async def find_loan(self, tx: Transaction, deployment: str, backup: str) -> Loan | None:
        """Return what a deployment has of a backup, locked until the transaction ends."""
        ...

    async def list_loans(self, tx: Transaction, deployment: str) -> list[Loan]:
        """Return what a deployment has been lent, locked until the transaction ends."""
        ...

    async def list_loans_of(self, tx: Transaction, backup: str) -> list[Loan]:
        """Return every loan of a backup, locked until the transaction ends."""
        ...

    async def hand_over(
        self,
        tx: Transaction,
        loan: Loan,
        key: AccessKey,
        differing: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Record the key that is announced now: the backup is lent."""
        ...

    async def end_loan(self, tx: Transaction, loan: Loan) -> None:
        """Record that a loan is over; its holder may still be there."""
        ...

    async def forget_loan(self, tx: Transaction, loan: Loan) -> None:
        """Delete the row of a loan whose holder is gone."""
        ...

    async def note_added(
        self, tx: Transaction, loan: Loan, bucket: str, etags: Mapping[str, str]
    ) -> None:
        """Record, by their keys, what a restore adds to a bucket, before or after it is there."""
        ...

    async def list_added(self, tx: Transaction, loan: Loan, most: int) -> dict[Place, str]:
        """Return some of what a restore has added, or was about to add, with its ETags."""
        ...

    async def forget_added(
        self, tx: Transaction, loan: Loan, places: Collection[Place] | None = None
    ) -> None:
        """Forget that a restore has added these objects; None: all of them."""
        ...

    async def is_overtaken(self, tx: Transaction, deployment: str, run: str) -> bool:
        """Say whether work of a later run of the deployment has begun here."""
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
