"""Which process a number means: pid, start time and boot together name one process for ever.

Nothing is signalled before the identity was verified, so a recycled pid is never hit.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from . import files

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Identity:
    """One process of one boot of this computer."""

    pid: int
    started: int
    """Clock ticks after boot, from `/proc/<pid>/stat`."""
    boot: str

    def is_alive(self) -> bool:
        """Say whether this very process still runs; a zombie does not."""
        return of(self.pid) == self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process, or to nobody."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # The descriptor pins the process: what is verified now is what gets the signal.
            if self.is_alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)

    async def is_gone(self, *, within: float | None = None) -> bool:
        """Wait for the end of this process, and say whether it came in time."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        try:
            if self.is_alive():
                async with asyncio.timeout(within):
                    await ended.wait()
        except TimeoutError:
            return not self.is_alive()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return True

    def save(self, path: Path) -> None:
        """Record this identity, atomically."""
        files.write(path, json.dumps(asdict(self)) + "\n")


def of(pid: int) -> Identity | None:
    """Return who has this pid now, or None when nobody does (a zombie counts as nobody)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name may hold spaces and parentheses; the fields follow the last one.
    fields = text.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        return None
    return Identity(pid, int(fields[19]), BOOT_ID.read_text(encoding="ascii").strip())


def load(path: Path) -> Identity | None:
    """Return the recorded identity, or None when there is no usable record."""
    try:
        return Identity(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


async def end(
    who: Identity, *, first: signal.Signals = signal.SIGTERM, grace_seconds: float = 10.0
) -> None:
    """Ask a process to end, insist after the grace, and return when it is gone."""
    who.signal(first)
    if await who.is_gone(within=grace_seconds):
        return
    who.signal(signal.SIGKILL)
    await who.is_gone(within=grace_seconds)
