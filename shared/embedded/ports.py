"""Ports: found once per data directory, kept in a file, and named when someone else took one."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK: Final = "127.0.0.1"
# Below the ports that the kernel hands out to outgoing connections (32768 and up), and low
# enough that a twin 10000 above stays below them too.
LOWEST: Final = 10240
HIGHEST: Final = 22000
TWIN: Final = 10000
ATTEMPTS: Final = 200
LISTENING: Final = "0A"


def is_free(port: int) -> bool:
    """Say whether we could listen on a port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free(count: int = 1, *, twins: bool = False, taken: Iterable[int] = ()) -> int:
    """Return the first of `count` consecutive free ports; `twins` wants those 10000 above too."""
    reserved = set(taken)
    for _ in range(ATTEMPTS):
        first = random.randrange(LOWEST, HIGHEST)  # noqa: S311 - spreads, protects nothing
        wanted = [*range(first, first + count)]
        wanted += [port + TWIN for port in wanted] if twins else []
        if not reserved.intersection(wanted) and all(is_free(port) for port in wanted):
            return first
    raise errors.UnavailableError(
        "port.none_free", f"no {count} free ports between {LOWEST} and {HIGHEST} on {LOOPBACK}"
    )


def listener(port: int) -> str | None:
    """Return who listens on a port as `name (pid)`, as far as we may see it."""
    wanted = f"socket:[{_inode(port)}]"
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, wanted):
            name = (process / "comm").read_text(encoding="utf-8").strip()
            return f"{name} (pid {process.name})"
    return None


def _inode(port: int) -> str | None:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                return fields[9]
    return None


def _holds(process: Path, wanted: str) -> bool:
    try:
        return any(str(link.readlink()) == wanted for link in (process / "fd").iterdir())
    except OSError:
        return False
