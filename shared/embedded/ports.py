"""Ports: found once per data directory, kept in a file, and named when someone else took one."""

from __future__ import annotations

import asyncio
import atexit
import json
import secrets
import socket
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import errors

from . import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LOOPBACK: Final = "127.0.0.1"
TWIN: Final = 10000
# All below the ports that the kernel hands out to outgoing connections (32768 and up): what we
# listen on, what has twins above that, and what machines are reached on.
SINGLE: Final = range(14000, 20000)
TWINNED: Final = range(10240, 13900)
FORWARDED: Final = range(24000, 32500)
ATTEMPTS: Final = 200
LISTENING: Final = "0A"
PATIENCE_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.05
PREFERRED: Final = {"front": 18080, "front_tls": 18443}
"""The ports that people see are the same on most computers."""
OBJECTS: Final = "objects"
OBJECTS_COUNT: Final = 5
"""The object store listens on five ports in a row, each with a twin."""
MACHINES: Final = "machines"
MACHINES_COUNT: Final = 200
"""Machines of two providers on one computer are reached on different ports."""
CLAIMS: Final = 256
"""How many claims a process keeps; of older ones it listens by now, or never will."""
_claims: Final[deque[socket.socket]] = deque()


def allocate(path: Path, names: Iterable[str]) -> Mapping[str, int]:
    """Return a port for each name: the recorded one, else a free one, which is then recorded."""
    kept: dict[str, int] = {}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
    missing = [name for name in names if name not in kept]
    for name in missing:
        kept[name] = _choose(name, _spans(kept))
    if missing:
        files.write(path, json.dumps(kept, indent=2) + "\n")
    return kept


def _choose(name: str, taken: frozenset[int]) -> int:
    preferred = PREFERRED.get(name)
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    if name == OBJECTS:
        return free_twins(OBJECTS_COUNT)
    if name == MACHINES:
        return _machines()
    return free(taken=taken)


def _spans(kept: Mapping[str, int]) -> frozenset[int]:
    """Return every port that the recorded names stand for."""
    first = kept.get(OBJECTS)
    inner = [] if first is None else [*range(first, first + OBJECTS_COUNT)]
    return frozenset([*kept.values(), *inner, *(port + TWIN for port in inner)])


def is_free(port: int) -> bool:
    """Say whether we could listen on a port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free(count: int = 1, *, taken: Iterable[int] = ()) -> int:
    """Return the first of `count` consecutive free ports."""
    return _first_of(SINGLE, count, taken={*taken, *PREFERRED.values()})


def free_twins(count: int) -> int:
    """Return the first of `count` consecutive free ports whose twins above are free too."""
    return _first_of(TWINNED, count, offsets=(0, TWIN))


def _machines() -> int:
    """Return the first of the ports on which machines are reached."""
    # From a grid, so that one claim stands for all of them.
    blocks = range(FORWARDED.start, FORWARDED.stop - MACHINES_COUNT, MACHINES_COUNT)
    for _ in range(ATTEMPTS):
        first = secrets.choice(blocks)
        if all(map(is_free, range(first, first + MACHINES_COUNT))) and _claim([first]):
            return first
    raise _none_free(FORWARDED, MACHINES_COUNT)


def _first_of(
    where: range, count: int, *, offsets: tuple[int, ...] = (0,), taken: Iterable[int] = ()
) -> int:
    reserved = frozenset(taken)
    for _ in range(ATTEMPTS):
        # Not `random`: two programs that seed it alike would choose alike.
        first = secrets.choice(where)
        wanted = [first + offset + number for number in range(count) for offset in offsets]
        if reserved.intersection(wanted):
            continue
        if all(map(is_free, wanted)) and _claim(wanted):
            return first
    raise _none_free(where, count)


def _none_free(where: range, count: int) -> errors.UnavailableError:
    return errors.UnavailableError(
        "port.none_free", f"no {count} free ports from {where.start} to {where.stop} on {LOOPBACK}"
    )


def _claim(wanted: Sequence[int]) -> bool:
    """Tell other processes that these ports are about to be used; say whether nobody else did.

    What is chosen is free until somebody listens, which may be seconds later. A claim is the name
    of a socket without a file (unix(7), abstract): the kernel takes it back when we end.
    """
    made = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in wanted]
    try:
        for claim, port in zip(made, wanted, strict=True):
            claim.bind(f"\0fediversity-port-{port}")
    except OSError:
        for claim in made:
            claim.close()
        return False
    _claims.extend(made)
    release(keep=CLAIMS)
    return True


def release(*, keep: int = 0) -> None:
    """Give up what was chosen and is not needed any more, the oldest first."""
    while len(_claims) > keep:
        _claims.popleft().close()


atexit.register(release)


async def require_free(name: str, port: int) -> None:
    """Refuse to start on a taken port, and say whose it is and what helps."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_free(port):
        # What was killed a moment ago may still hold it.
        if time.monotonic() > deadline:
            raise errors.ConflictError(
                "port.taken",
                f"port {port} ({name}) is taken by {listener(port) or 'a process we cannot see'}; "
                f"end that process, or remove {name.partition('+')[0]!r} from ports.json in the "
                "data directory to get another port",
            )
        await asyncio.sleep(POLL_SECONDS)


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
