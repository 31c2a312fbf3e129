"""The vocabulary of saved state on the wire: what is to be carried, and what was."""

from __future__ import annotations

from .deployments import GrantedBucket
from .messages import Value


class CarriedBucket(Value):
    """A bucket of an application whose objects belong to its state."""

    purpose: str
    prefixes: tuple[str, ...] = ()
    """The keys to carry begin with one of these; empty: all of them."""
    excludes: tuple[str, ...] = ()
    """The keys that begin with one of these are left out."""


class CarriedApplication(Value):
    """An application whose state is to be saved or brought back."""

    application: str
    version: str
    buckets: tuple[CarriedBucket, ...] = ()


class Staging(Value):
    """Where machines put state, or find it: a bucket, and a key that opens it for a while."""

    granted: GrantedBucket
    """Its purpose is the id of the backup; its application is empty."""
    prefixes: dict[str, str]
    """Application → what stands before the keys of its objects, without a slash at the end."""


class CarriedSecret(Value):
    """A secret without which the state of an application is worth little."""

    name: str
    kind: str
    """How it was made, such as `rsa-2048`."""
    fingerprint: str
    """SHA-256 of the value: shows whether two are the same, and nothing else."""
    sealed: str
    """Sealed to the recipient that the export was asked for."""


class SavedApplication(Value):
    """What an export left in the bucket for one application."""

    application: str
    version: str
    manifest: str = ""
    """Key of the manifest in the bucket; empty when there are neither databases nor folders."""
    sha256: str = ""
    """Of the manifest, whose names in turn cover everything else."""
    rows: int = 0
    files: int = 0
    bytes: int = 0
    """Of rows and files, as they were before they were packed."""
    sealed_password: str = ""
    """Opens the files; sealed like the secrets."""
    secrets: tuple[CarriedSecret, ...] = ()
    not_included: tuple[str, ...] = ()
    """What its state has besides, in words."""


class BackedUpApplication(Value):
    """What a backup holds of one application, as a person reads it."""

    application: str
    version: str
    rows: int = 0
    files: int = 0
    objects: int = 0
    bytes: int = 0
    """Of rows, files and objects together."""
    not_included: tuple[str, ...] = ()
