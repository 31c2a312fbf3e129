"""The object stores that the provider configuration offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors

from ..domain import buckets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..domain.backups import Backup, Loan
    from ..domain.buckets import Bucket
    from ..ports import ObjectCopier, ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One object store and what deployments are told about it."""

    administration: ObjectStore
    objects: ObjectCopier
    endpoint: str
    region: str
    retention_days: int


@dataclass(frozen=True, slots=True)
class Stores:
    """Every object store of the provider; new buckets go to the first one."""

    by_name: Mapping[str, Store]

    @property
    def first(self) -> str:
        """The name of the store that new buckets go to."""
        return next(iter(self.by_name))

    def holding(self, bucket: Bucket | Backup) -> ObjectStore:
        """Return the store that a bucket is in, once its name was seen to be its deployment's own.

        Raises:
            InvalidError: the name is not, or the provider configuration has the store no longer.
        """
        buckets.check_name(bucket.deployment, bucket.name)
        return self.get(bucket.store).administration

    def lending(self, loan: Loan) -> ObjectStore:
        """Return the store that a loan is in, once its holder was seen to be its deployment's own.

        Raises:
            InvalidError: as above.
        """
        buckets.check_name(loan.deployment, loan.holder.name)
        return self.get(loan.store).administration

    def get(self, name: str) -> Store:
        """Return the store of this name.

        Raises:
            InvalidError: the provider configuration has it no longer.
        """
        if name in self.by_name:
            return self.by_name[name]
        raise errors.InvalidError(
            "store.unknown",
            f"buckets lie in the object store {name}, which is not in the provider file any more; "
            "put it back",
        )
