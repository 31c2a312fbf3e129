"""Buckets of deployments, the keys that open them, and the states they go through.

    REQUESTED ─▶ CREATING ─▶ READY ◀─▶ UNUSED
                                │        │
                                └▶ REMOVING ─▶ gone, or KEPT ─▶ gone

Asked for again, what is being removed or kept is CREATING once more, with the data it still holds.
A bucket is found by its name, which follows from what it is for; nothing else is ever touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared import errors, ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from shared.contracts.deployments import BucketRequest

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class BucketState(StrEnum):
    """How far a bucket is."""

    REQUESTED = "requested"
    """Written down; nothing was done in the store."""
    CREATING = "creating"
    """May exist in the store, wholly or in part."""
    READY = "ready"
    """Exists, and its key was announced."""
    UNUSED = "unused"
    """The latest revision does not ask for it; data and key stay, as an earlier one may return."""
    REMOVING = "removing"
    """Its access is being taken away."""
    KEPT = "kept"
    """Nobody can open it; it is deleted when its time has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket of one application of a deployment."""

    deployment: str
    application: str
    purpose: str
    store: str
    """Name of the object store, in the provider configuration, that holds it."""
    quota_gib: int | None = None
    public_host: str | None = None
    """Where anybody may read its objects; None: nowhere."""
    state: BucketState = BucketState.REQUESTED
    kept_until: datetime | None = None

    @property
    def name(self) -> str:
        """The name of the bucket, and of whoever may open it."""
        return ids.bucket_name(self.deployment, self.application, self.purpose)


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may open one bucket, and nothing else."""

    bucket: str
    name: str
    is_writable: bool = True
    """Whether it may write and delete; it reads and lists in any case."""

    @classmethod
    def own(cls, bucket: str) -> Holder:
        """Return the holder that has the name of its bucket."""
        return cls(bucket, bucket)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key as the store hands it out, once."""

    id: str
    secret: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key as it is remembered: only its addressee can read the secret."""

    id: str
    sealed_secret: str


def plan(deployment: str, requests: Iterable[BucketRequest], store: str) -> tuple[Bucket, ...]:
    """Return the buckets that requests ask for.

    Raises:
        InvalidError: two requests would share a bucket or a public host, or a bucket cannot be
            named in a store.
    """
    buckets: dict[str, Bucket] = {}
    for request in requests:
        bucket = Bucket(
            deployment=deployment,
            application=request.application,
            purpose=request.purpose,
            store=store,
            quota_gib=request.quota_gib,
            public_host=request.public_host,
        )
        check_name(deployment, bucket.name)
        if bucket.name in buckets:
            raise errors.InvalidError(
                "bucket.shared",
                f"{request.application}/{request.purpose} and {_label(buckets[bucket.name])} "
                f"would share the bucket {bucket.name}; give one of them another purpose",
            )
        buckets[bucket.name] = bucket
    _check_hosts(buckets.values())
    return tuple(buckets.values())


def _check_hosts(buckets: Iterable[Bucket]) -> None:
    """Check that no two buckets would be read under one host, where only one can answer."""
    public: dict[str, Bucket] = {}
    for bucket in buckets:
        if bucket.public_host is None:
            continue
        first = public.setdefault(bucket.public_host, bucket)
        if first is not bucket:
            raise errors.InvalidError(
                "bucket.host_shared",
                f"{_label(first)} and {_label(bucket)} would both be read under "
                f"{bucket.public_host}; a package can make one of its buckets public",
            )


def check_name(deployment: str, name: str) -> None:
    """Check that a name is one of a deployment's own, before anything is done to what has it.

    Raises:
        InvalidError: it belongs to another deployment, or to nobody we know.
    """
    if not _NAME.fullmatch(name) or not name.startswith(ids.bucket_name(deployment, "", "")[:-1]):
        raise errors.InvalidError(
            "bucket.name", f"{name!r} is not a name of a bucket of deployment {deployment}"
        )


def touched(buckets: Sequence[Bucket], *states: BucketState) -> bool:
    """Say whether any bucket is in one of these states."""
    return any(it.state in states for it in buckets)


def moment(when: datetime | None) -> str:
    """Return a moment as it is told: RFC 3339, UTC; empty when there is none."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z") if when else ""


def _label(bucket: Bucket) -> str:
    return f"{bucket.application}/{bucket.purpose}"
