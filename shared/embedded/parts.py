"""A part of the embedded default, server or service: prepared, started, awaited, stopped alike."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from shared import errors

from . import files, ports
from .processes import Child, end_recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from .processes import Command

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
POLL_SECONDS: Final = 0.02
INHERITED: Final = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


class Part(ABC):
    """One program in one directory; after `start` returns it answers real requests."""

    patience_seconds: ClassVar[float] = 30.0
    grace_seconds: ClassVar[float] = 10.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory.absolute()
        self.child = Child(name, self.directory)

    @property
    @abstractmethod
    def ports(self) -> Mapping[str, int]:
        """The ports it listens on, by the names they have in the file of ports."""

    @abstractmethod
    async def prepare(self) -> Command:
        """Write what the program needs and return how it is executed; clears stale locks."""

    @abstractmethod
    async def answers(self) -> bool:
        """Say whether a real request succeeds."""

    async def settle(self) -> None:  # noqa: B027 - most parts have nothing to settle
        """Do what has to be done once after each start."""

    async def start(self) -> None:
        """Start the program and return when it answers; what an earlier life left is ended."""
        files.directory(self.directory)
        await end_recorded(self.child.record)
        for name, port in self.ports.items():
            await ports.require_free(name, port)
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
                    "part.died",
                    f"{self.name} ended with status {self.child.status} while it started; "
                    f"the end of {self.child.log}:\n{self.child.tail()}",
                )
            if time.monotonic() > deadline:
                raise errors.FaultError(
                    "part.not_ready",
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


P = TypeVar("P", bound=Part)


@asynccontextmanager
async def running(part: P) -> AsyncIterator[P]:
    """Keep a part running for the length of a block; its data is not worth a gentle end."""
    await part.start()
    try:
        yield part
    finally:
        await part.kill()


@asynccontextmanager
async def conversation(
    port: int, seconds: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Talk to a listener of this computer for the length of a block, and not for longer.

    Raises:
        OSError: nobody listens, or it hangs up.
        TimeoutError: time is up.
    """
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        try:
            yield reader, writer
        finally:
            writer.close()


def environment(**added: str) -> dict[str, str]:
    """Return the little that a server inherits, plus what is its own."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | added


def python_path() -> str:
    """Return where our own packages lie, for a Python that does not have them installed."""
    return str(Path(__file__).resolve().parents[2])
