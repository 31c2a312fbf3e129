"""The command `fediversity` as people run it: a process of its own, in a home of its own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.panel.cli import main
from tests.support import panel as rigs

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Iterator
    from pathlib import Path

# Ctrl-C reaches what a person starts, whatever the tests were started by: in the background it is
# ignored by everybody.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from services.panel.cli import main
main()
"""
FEDIVERSITY = (sys.executable, "-c", PROGRAM)


@dataclass(frozen=True)
class Ended:
    status: int
    stdout: str
    stderr: str


def assert_is_a_mistake(ended: Ended, status: int, said: str) -> None:
    """Check that a command said what is wrong, and nothing else."""
    assert ended.status == status, ended.stderr
    assert said in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


@dataclass(frozen=True)
class CommandLine:
    """A person's shell, with a home of its own."""

    environment: dict[str, str]

    async def begin(self, *arguments: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *FEDIVERSITY,
            *arguments,
            cwd=rigs.ROOT,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, given: str = "") -> Ended:
        return await self.end(await self.begin(*arguments), given)

    async def end(self, process: Process, given: str = "") -> Ended:
        stdout, stderr = await asyncio.wait_for(process.communicate(given.encode()), 40)
        assert process.returncode is not None
        return Ended(process.returncode, stdout.decode(), stderr.decode())

    async def call(self, *arguments: str, given: str = "") -> Ended:
        """Run a command in this process: as `run`, for tests of many commands."""
        return await asyncio.to_thread(self._call, arguments, given)

    def _call(self, arguments: tuple[str, ...], given: str) -> Ended:
        stdout, stderr = io.StringIO(), io.StringIO()
        status = 0
        with (
            _at_home(self.environment, ("fediversity", *arguments), given),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            try:
                main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 0
        return Ended(status, stdout.getvalue(), stderr.getvalue())


@contextlib.contextmanager
def _at_home(environment: dict[str, str], arguments: tuple[str, ...], given: str) -> Iterator[None]:
    kept = dict(os.environ), sys.argv, sys.stdin
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.stdin = list(arguments), io.StringIO(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept[0])
        sys.argv, sys.stdin = kept[1:]


def shell(home: Path, **variables: str) -> CommandLine:
    usual = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "200"}
    return CommandLine(usual | variables)
