"""The yardstick's machine ends, whatever interrupts it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared import errors
from shared.embedded import bare
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

# Becomes a daemon as QEMU does; its parent waits for a word that only a `quick` one says.
DAEMON = """
import os, sys, time
reading, writing = os.pipe()
if os.fork():
    os.close(writing)
    os.read(reading, 1)
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
if "quick" in sys.argv:
    for number in (1, 2, writing):
        os.close(number)
# Lives for the test, and not for ever should that not end it.
time.sleep(60)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    link = tmp_path / "qemu-system-daemon"
    link.symlink_to(sys.executable)
    return link


def arguments(program: Path, *more: str) -> list[str]:
    return [str(program), "-c", DAEMON, str(program.parent), "-uuid", "replaced", *more]


def processes(folder: Path) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if str(folder).encode() in (process / "cmdline").read_bytes().split(b"\0"):
                yield int(process.name)


async def test_a_machine_ends_with_its_block(program: Path) -> None:
    async with bare.machine(arguments(program, "quick"), program.parent):
        assert len([*processes(program.parent)]) == 1

    assert [*processes(program.parent)] == []


async def test_a_machine_interrupted_while_it_starts_leaves_nothing(program: Path) -> None:
    async def start() -> None:
        async with bare.machine(arguments(program), program.parent):
            pytest.fail("it never says that it has started")

    starting = asyncio.create_task(start())
    await eventually(lambda: len([*processes(program.parent)]) == 2, within=20)

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(starting, 20)

    assert [*processes(program.parent)] == []


async def test_a_machine_that_takes_too_long_leaves_nothing(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare, "COPY_SECONDS", 1.0)

    with pytest.raises(errors.UnavailableError, match=r"took more than 1 s"):
        async with bare.machine(arguments(program), program.parent):
            pytest.fail("it never says that it has started")

    assert [*processes(program.parent)] == []
