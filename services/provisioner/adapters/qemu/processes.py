"""QEMU processes: found by their recorded pid and start time, or by the identity they carry."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from shared import errors

PROC: Final = Path("/proc")
BOOT_ID: Final = PROC / "sys/kernel/random/boot_id"
POLL_SECONDS: Final = 0.02
KILL_SECONDS: Final = 10.0
_STATE: Final = 0
_THREADS: Final = 17
_START_TIME: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of this boot of the host, which no later process can be taken for."""

    pid: int
    started: int
    """Clock ticks after the host booted."""
    boot: str

    def is_alive(self) -> bool:
        """Say whether it still runs; a zombie does not."""
        return self.boot == host_boot() and _started(self.pid) == self.started

    def kill(self) -> None:
        """End it at once."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def gone(self, within: float) -> bool:
        """Wait for its end; say whether it came in time."""
        deadline = time.monotonic() + within
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def end(self) -> None:
        """Kill it and verify that it is gone.

        Raises:
            FaultError: it is still there, which the kernel normally does not allow.
        """
        self.kill()
        if not await self.gone(KILL_SECONDS):
            raise errors.FaultError(
                "machine.process_stuck",
                f"process {self.pid} does not end even when killed; "
                f"see: ps -o stat,wchan {self.pid}",
            )

    def write(self, path: Path) -> None:
        """Record it, also while another process of ours does the same."""
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.rename(path)


def host_boot() -> str:
    """Return the id of this boot of the host."""
    return BOOT_ID.read_text().strip()


def of(pid: int) -> Process | None:
    """Return the process of a pid, if it lives."""
    started = _started(pid)
    return None if started is None else Process(pid=pid, started=started, boot=host_boot())


def read(path: Path) -> Process | None:
    """Return the recorded process, if it lives."""
    try:
        found = Process(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if found.is_alive() else None


def carrying(identity: str) -> Process | None:
    """Return the QEMU that was started with this `-uuid`, whoever started it."""
    wanted = (b"-uuid", identity.encode())
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            words = _words(entry)
            if words[0].rpartition(b"/")[2].startswith(b"qemu-system") and (
                wanted in itertools.pairwise(words)
            ):
                return of(int(entry.name))
    return None


def _words(entry: Path) -> list[bytes]:
    try:
        return (entry / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def _started(pid: int) -> int | None:
    """Return the start time of a living process, by its file in /proc."""
    try:
        # The name before the bracket may hold anything, brackets and spaces as well.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A killed leader is a zombie before its other threads have let go of ports and locks.
    is_gone = fields[_STATE] in "ZX" and int(fields[_THREADS]) <= 1
    return None if is_gone else int(fields[_START_TIME])
