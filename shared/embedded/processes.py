"""One child process: started in a session of its own, recorded, logged, ended for certain.

A child that a dirty stop left behind is found by its record and ended before a new one starts,
so a part never runs twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors

from . import files, identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOG_BYTES: Final = 4 * 1024 * 1024
LOGS_KEPT: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to execute, and as whom."""

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    """The whole environment; nothing else is inherited."""
    account: tuple[int, int] | None = None
    """User and group id, when it must not be our own."""


class Child:
    """A process of ours, by name; its log and its record lie in its directory."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self.record = directory / "process.json"
        self._process: subprocess.Popen[bytes] | None = None
        self.identity: identity.Identity | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process we started still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs or before it started."""
        return self._process.poll() if self._process else None

    async def start(self, command: Command) -> None:
        """Execute the command; whatever an earlier life left running is ended first."""
        await end_recorded(self.record)
        _rotate(self.log)
        self._process = self._spawn(command)
        self.identity = identity.of(self._process.pid)
        if self.identity is not None:
            self.identity.save(self.record)

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        user, group = command.account or (None, None)
        try:
            with open(self.log, "ab", opener=_private) as log:
                return subprocess.Popen(  # noqa: S603 - our own argv, no shell
                    command.argv,
                    cwd=command.directory,
                    env=dict(command.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # A session of its own: neither Ctrl-C nor a closed terminal reaches it.
                    start_new_session=True,
                    user=user,
                    group=group,
                    extra_groups=None if user is None else [],
                )
        except OSError as error:
            raise errors.FaultError(
                "process.not_started", f"{self.name}: cannot execute {command.argv[0]}: {error}"
            ) from error

    async def ended(self) -> int:
        """Wait until the process ends, and return its exit status."""
        if self._process is None:
            raise errors.FaultError("process.not_started", f"{self.name} was never started")
        if self.identity is not None:
            await self.identity.is_gone()
        self._kill_group()
        return self._process.wait()

    async def stop(
        self, *, first: signal.Signals = signal.SIGTERM, grace_seconds: float = 10.0
    ) -> None:
        """End the process and its group, and forget the record."""
        if self._process is None:
            return
        if self.identity is not None and self.is_running:
            await identity.end(self.identity, first=first, grace_seconds=grace_seconds)
        self._kill_group()
        self._process.wait()
        self.record.unlink(missing_ok=True)

    async def kill(self) -> None:
        """End the process as a crash would."""
        await self.stop(first=signal.SIGKILL)

    def _kill_group(self) -> None:
        """Take along what the process left in its group; the group is ours while it is unreaped."""
        if self._process is not None and self._process.returncode is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(
            self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def end_recorded(record: Path, *, grace_seconds: float = 10.0) -> bool:
    """End what an earlier life recorded here; say whether something still ran."""
    who = identity.load(record)
    is_running = who is not None and who.is_alive()
    if who is not None:
        await identity.end(who, grace_seconds=grace_seconds)
    _forget(record)
    return is_running


def _forget(record: Path) -> None:
    record.unlink(missing_ok=True)


def _rotate(log: Path) -> None:
    """Move a grown log aside; the newest three are kept."""
    files.directory(log.parent)
    if not log.exists() or log.stat().st_size < LOG_BYTES:
        return
    for number in range(LOGS_KEPT, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if newer.exists():
            newer.replace(older)
