"""Which doors of a machine to the world are open, also while it runs.

The porter of a door, `door.py`, reads it for every connection; a machine is not restarted for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
from typing import TYPE_CHECKING, Final

from shared import errors

from ...domain import Door

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

FILE: Final = "open-doors"
PLACES: Final = "places"
MOST_CONNECTIONS: Final = 64
"""How many connections a machine may have through each of its doors."""
_LOCK: Final = "hhqqi4x"
"""The kernel's `struct flock`: type, whence, start, length, process."""


def read(folder: Path) -> frozenset[Door]:
    """Return the doors that are open; of a machine that was just created, none."""
    try:
        names = (folder / FILE).read_text().split()
    except FileNotFoundError:
        return frozenset()
    return frozenset(Door(it) for it in names)


def let_out(folder: Path, doors: AbstractSet[Door]) -> None:
    """See to it that exactly these doors are open, and that nobody is in one that is not."""
    if read(folder) != doors:
        fresh = folder / f"{FILE}.new"
        fresh.write_text("".join(f"{it}\n" for it in sorted(doors)))
        fresh.rename(folder / FILE)
    # Also when nothing was written: it may have been, by somebody who died before this.
    for door in {*Door} - doors:
        for pid in _passers(folder / f"{PLACES}-{door}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _known(pid: int) -> int:
    """Return a pid that stands for one process: zero and less stand for many."""
    if pid <= 0:
        raise errors.FaultError(
            "door.held_elsewhere",
            "a process that this provisioner cannot see, as in another container, holds a door "
            "open; end the machine's QEMU and its door programs where they run",
        )
    return pid


def _passers(places: Path) -> Iterator[int]:
    """Find the processes that have a place."""
    try:
        handle = os.open(places, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for place in range(MOST_CONNECTIONS):
            wish = struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
            found = struct.unpack(_LOCK, fcntl.fcntl(handle, fcntl.F_GETLK, wish))
            if found[0] != fcntl.F_UNLCK:
                yield _known(found[-1])
    finally:
        os.close(handle)
