"""The programs of the distribution that are run here, and what is said when one is missing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin"
PACKAGES: Final = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "nix": "nix-bin",
    "nix-build": "nix-bin",
    "mmdebstrap": "mmdebstrap",
    "busybox": "busybox-static",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "mkfs.ext4": "e2fsprogs",
    "depmod": "kmod",
    "modprobe": "kmod",
    "cpio": "cpio",
    "lz4": "lz4",
    "newuidmap": "uidmap",
}
_FULL: Final = ("no space left on device", "disk quota exceeded")


def search_path() -> str:
    """Return a path that also finds what the distribution keeps for administrators."""
    return f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"


def find(program: str) -> str:
    """Return the path of a program.

    Raises:
        FaultError: it is not installed; the message says how to install it.
    """
    found = shutil.which(program, path=search_path())
    if found is None:
        package = PACKAGES[program]
        raise errors.FaultError(
            f"machine.{program.split('-', maxsplit=1)[0].split('.', maxsplit=1)[0]}_missing",
            f"{program} is not installed on this host; run: apt-get install {package}",
        )
    return found


async def run(
    argv: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> str:
    """Run a program to its end and return what it wrote.

    Raises:
        CommandError: it failed.
        FaultError: it failed because the disk is full.
    """
    process = await asyncio.create_subprocess_exec(
        find(argv[0]) if "/" not in argv[0] else argv[0],
        *argv[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PATH": search_path(), **(environment or {})},
    )
    try:
        output, complaints = await process.communicate()
    except asyncio.CancelledError:
        await _end(process)
        raise
    if process.returncode:
        text = complaints.decode(errors="replace")
        if any(it in text.lower() for it in _FULL):
            raise disk_full(f"{argv[0]}: {text.strip()[-200:]}")
        raise errors.CommandError(argv, process.returncode, text)
    return output.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    # A shell script passes SIGTERM on to nobody, but its clean-up runs.
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


def disk_full(what: str) -> errors.FaultError:
    """Return the error that says that there is no room, and what to do about it."""
    return errors.FaultError(
        "machine.disk_full",
        f"the disk of this host is full ({what}); free some space, see: df -h",
    )


def check_room(folder: Path, wanted: int) -> None:
    """Refuse to begin what would fail for lack of room.

    Raises:
        FaultError: the file system of the folder has less than so many bytes left.
    """
    left = shutil.disk_usage(folder).free
    if left < wanted:
        raise disk_full(f"{folder} has {left // 2**20} MiB left, {wanted // 2**20} MiB are needed")
