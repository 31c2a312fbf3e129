"""Disks without room: how that is recognised, whose disk it is, and what helps."""

from __future__ import annotations

import contextlib
import errno
import shutil
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL: Final = ("no space left on device", "disk quota exceeded", "database or disk is full")
_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
LEAST_BYTES: Final = 2**20
"""With less, programs fail with other words: SQLite speaks of an I/O error."""


def is_full(complaint: str) -> bool:
    """Say whether a program complains about a lack of room."""
    return any(it in complaint.lower() for it in _FULL)


def is_full_at(folder: Path) -> bool:
    """Say whether a file system of this computer has no room left."""
    return folder.exists() and shutil.disk_usage(folder).free < LEAST_BYTES


def full_here(what: str) -> errors.FaultError:
    """Return the error for deployer's own computer."""
    return errors.FaultError(
        "deployer.disk_full",
        f"the disk of deployer's host is full ({what}); the provider has to free some space "
        "there, see: df -h, nix-collect-garbage",
    )


def full_in(machine: str) -> errors.FaultError:
    """Return the error for a machine."""
    return errors.FaultError(
        "machine.disk_full",
        f"the disk of {machine} is full; choose a larger size, or have the provider free some "
        "space inside that machine, see: df -h, nix-collect-garbage",
    )


@contextlib.contextmanager
def writing(file: Path) -> Iterator[None]:
    """Name what keeps a file of ours from being written.

    Raises:
        FaultError: the disk is full.
        UnavailableError: it cannot be written for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _ERRNOS:
            raise full_here(str(file)) from error
        raise errors.UnavailableError(
            "work_directory.unwritable", f"{file} cannot be written: {error.strerror}"
        ) from error
