"""What storage states: buckets, keys, and their end."""

from __future__ import annotations

from typing import ClassVar

from .deployments import GrantedBucket, KeptBucket
from .failures import Failure, Outcome
from .messages import RevisionEvent, RunEvent
from .state import BackedUpApplication, SavedApplication, Staging


class StorageReady(RevisionEvent):
    """Every bucket of the revision exists and its key works; stated even when there is none."""

    owner: ClassVar[str] = "storage"

    buckets: tuple[GrantedBucket, ...]


class StorageRemoved(RunEvent):
    """All keys, policies and users of the deployment are gone; these buckets are kept for now."""

    owner: ClassVar[str] = "storage"

    buckets_kept: tuple[KeptBucket, ...] = ()


class StateExportRequested(RevisionEvent):
    """A bucket waits for the state of a revision's applications."""

    owner: ClassVar[str] = "storage"

    export: str
    """Id of the export: that of the backup."""
    applications: tuple[str, ...]
    staging: Staging
    recipient: str
    """Who has to be able to read the secrets of the export: the name of an age recipient."""


class StateImportRequested(RevisionEvent):
    """The state of a revision's applications lies in a bucket and waits to be brought in."""

    owner: ClassVar[str] = "storage"

    export: str
    applications: tuple[SavedApplication, ...]
    staging: Staging


class BackupCompleted(RevisionEvent):
    """A backup is complete, and nobody can change it any more."""

    owner: ClassVar[str] = "storage"

    backup: str
    taken_at: str
    """RFC 3339, UTC: when it was begun, which is the moment that it holds."""
    bytes: int
    """What it takes in the store."""
    applications: tuple[BackedUpApplication, ...]


class RestoreCompleted(RevisionEvent):
    """The state of a backup is in the deployment, and its applications run on it."""

    owner: ClassVar[str] = "storage"

    backup: str
    applications: tuple[BackedUpApplication, ...]


class BackupRemoved(RunEvent):
    """A backup is gone."""

    owner: ClassVar[str] = "storage"

    backup: str


class StorageFailed(RunEvent):
    """Storage could not do its part of a run."""

    owner: ClassVar[str] = "storage"

    revision: int | None = None
    failure: Failure
    stage: str
    outcome: Outcome
