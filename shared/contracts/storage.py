"""What storage states: buckets, keys, and their end."""

from __future__ import annotations

from typing import ClassVar

from .deployments import GrantedBucket, KeptBucket
from .failures import Failure, Outcome
from .messages import RevisionEvent, RunEvent


class StorageReady(RevisionEvent):
    """Every bucket of the revision exists and its key works; stated even when there is none."""

    owner: ClassVar[str] = "storage"

    buckets: tuple[GrantedBucket, ...]


class StorageRemoved(RunEvent):
    """All keys, policies and users of the deployment are gone; these buckets are kept for now."""

    owner: ClassVar[str] = "storage"

    buckets_kept: tuple[KeptBucket, ...] = ()


class StorageFailed(RunEvent):
    """Storage could not do its part of a run."""

    owner: ClassVar[str] = "storage"

    revision: int | None = None
    failure: Failure
    stage: str
    outcome: Outcome
