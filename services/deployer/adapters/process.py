"""Child processes: the only place of this service that starts one."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Final, Protocol

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence


TIMEOUT: Final = "command.timeout"
LONGEST_LINE: Final = 2**20
"""The bytes of a line of output that is read as one."""
LAST_WORDS: Final = 4096
"""As much as is kept of what a program complains about while it works."""
LONGEST_COMPLAINT: Final = 2**16


class Run(Protocol):
    """Starts a program and waits for its end."""

    async def __call__(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        seconds: float = 60.0,
    ) -> bytes:
        """Return what the program wrote to standard output.

        Raises:
            CommandError: it ended with another status than 0.
            UnavailableError: it did not end in time.
        """
        ...


class Stream(Protocol):
    """Starts a program, hears its output line by line, and waits for its end."""

    async def __call__(
        self,
        argv: Sequence[str],
        told: Callable[[bytes], Awaitable[None]],
        *,
        stdin: bytes = b"",
        seconds: float = 60.0,
    ) -> tuple[int, str]:
        """Return its status and the last that it complained about.

        Raises:
            FaultError: a line is too long.
            UnavailableError: it did not end in time.
        """
        ...


async def start(
    argv: Sequence[str], environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start a program with pipes to all its streams.

    Raises:
        FaultError: there is no such program.
    """
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # What programs complain about is recognised by its words.
            env=dict(os.environ) | {"LC_ALL": "C.UTF-8"} | dict(environment or {}),
            # A Ctrl-C in the terminal is for us to handle, not for what we started.
            start_new_session=True,
            limit=LONGEST_LINE,
        )
    except FileNotFoundError as error:
        raise errors.FaultError(
            "command.missing",
            f"{argv[0]} is not installed; on Debian: apt-get install nix-bin openssh-client",
        ) from error


async def run(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> bytes:
    """Start a program and wait for its end; it never outlives the call."""
    process = await start(argv, environment)
    try:
        # Not wait_for: before Python 3.12 it may swallow a cancellation.
        async with asyncio.timeout(seconds):
            output, complaints = await process.communicate(stdin)
    except TimeoutError as error:
        raise errors.UnavailableError(
            TIMEOUT, f"{argv[0]} did not end within {seconds:g} s"
        ) from error
    finally:
        await stop(process)
    if process.returncode != 0:
        raise errors.CommandError(
            argv,
            process.returncode or 0,
            complaints[-LONGEST_COMPLAINT:].decode(errors="replace"),
        )
    return output


async def stream(
    argv: Sequence[str],
    told: Callable[[bytes], Awaitable[None]],
    *,
    stdin: bytes = b"",
    seconds: float = 60.0,
) -> tuple[int, str]:
    """Start a program and tell every line while it works; it never outlives the call."""
    process = await start(argv)
    others = [
        asyncio.create_task(_fed(process, stdin)),
        complaints := asyncio.create_task(_last_words(process)),
    ]
    try:
        async with asyncio.timeout(seconds):
            while line := await _line(process):
                await told(line)
            await asyncio.gather(*others)
            status = await process.wait()
    except TimeoutError as error:
        raise errors.UnavailableError(
            TIMEOUT, f"{argv[0]} did not end within {seconds:g} s"
        ) from error
    finally:
        await stop(process)
        for it in others:
            it.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return status, complaints.result()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise errors.FaultError("command.no_pipes", "a program was started without pipes")
    try:
        return await process.stdout.readline()
    except ValueError as error:
        raise errors.FaultError(
            "command.overlong", f"a line of output is longer than {LONGEST_LINE} bytes"
        ) from error


async def _fed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(stdin)
            await process.stdin.drain()
        process.stdin.close()


async def _last_words(process: asyncio.subprocess.Process) -> str:
    kept = b""
    while process.stderr is not None and (chunk := await process.stderr.read(LAST_WORDS)):
        kept = (kept + chunk)[-LAST_WORDS:]
    return kept.decode(errors="replace")


async def stop(process: asyncio.subprocess.Process) -> None:
    """Make sure that a process has ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
