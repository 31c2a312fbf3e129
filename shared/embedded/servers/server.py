"""A server program under our care: prepared, started, awaited until it truly answers, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from shared import errors
from shared.embedded import files
from shared.embedded.processes import Child

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.embedded.processes import Command

LOOPBACK: Final = "127.0.0.1"
POLL_SECONDS: Final = 0.02
INHERITED: Final = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


class Server(ABC):
    """One server in one directory; after `start` returns it answers real requests."""

    name: ClassVar[str]
    patience_seconds: ClassVar[float] = 30.0
    grace_seconds: ClassVar[float] = 10.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.child = Child(self.name, self.directory)

    @abstractmethod
    def ports(self) -> tuple[int, ...]:
        """Return the ports it listens on."""

    @abstractmethod
    async def prepare(self) -> Command:
        """Write what the program needs and return how it is executed; clears stale locks."""

    @abstractmethod
    async def answers(self) -> bool:
        """Say whether a real request succeeds."""

    async def settle(self) -> None:  # noqa: B027 - most servers have nothing to settle
        """Do what has to be done once after each start."""

    async def start(self) -> None:
        """Start the program and return when it answers."""
        files.directory(self.directory)
        await self.child.start(await self.prepare())
        try:
            await self._await_answer()
            await self.settle()
        except BaseException:
            await self.child.kill()
            raise

    async def _await_answer(self) -> None:
        deadline = time.monotonic() + self.patience_seconds
        while not await self.answers():
            if not self.child.is_running:
                raise errors.FaultError(
                    "server.died",
                    f"{self.name} ended with status {self.child.status} while it started; "
                    f"the end of {self.child.log}:\n{self.child.tail()}",
                )
            if time.monotonic() > deadline:
                raise errors.FaultError(
                    "server.not_ready",
                    f"{self.name} did not answer within {self.patience_seconds:.0f} s; "
                    f"the end of {self.child.log}:\n{self.child.tail()}",
                )
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """Ask the program to end, insist after the grace."""
        await self.child.stop(first=self.stop_signal, grace_seconds=self.grace_seconds)

    async def kill(self) -> None:
        """End the program as a crash would."""
        await self.child.kill()

    async def restart(self) -> None:
        """Stop and start again, with the same data on the same ports."""
        await self.stop()
        await self.start()


S = TypeVar("S", bound=Server)


@asynccontextmanager
async def running(server: S) -> AsyncIterator[S]:
    """Keep a server running for the length of a block; its data is not worth a gentle end."""
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


def environment(**added: str) -> dict[str, str]:
    """Return the little that a server inherits, plus what is its own."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | added
