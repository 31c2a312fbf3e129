"""Child processes never outlive the wait for them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.deployer.adapters import process
from shared import errors
from tests.support.eventually import eventually


def is_alive(number: str) -> bool:
    return Path(f"/proc/{number}").exists()


async def test_a_program_that_does_not_end_is_ended() -> None:
    with pytest.raises(errors.UnavailableError, match=r"command\.timeout"):
        await process.run(["/bin/sleep", "60"], seconds=0.05)


async def test_a_program_is_ended_with_the_wait_for_it(tmp_path: Path) -> None:
    begun = tmp_path / "pid"
    script = f"echo $$ > {begun}.new; mv {begun}.new {begun}; exec sleep 60"
    task = asyncio.create_task(process.run(["/bin/sh", "-c", script]))
    await eventually(begun.exists, within=10)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not is_alive(begun.read_text().strip())


@dataclass
class Listener:
    """Remembers the lines that it is told."""

    lines: list[bytes] = field(default_factory=list)

    async def hear(self, line: bytes) -> None:
        self.lines.append(line)


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


async def test_lines_are_told_while_a_program_works(tmp_path: Path) -> None:
    go = tmp_path / "go"
    listener = Listener()
    script = f"echo first; while [ ! -e {go} ]; do sleep 0.01; done; cat; echo no >&2; exit 3"
    task = asyncio.create_task(process.stream(sh(script), listener.hear, stdin=b"given\n"))

    await eventually(lambda: listener.lines == [b"first\n"], within=10)
    go.touch()

    assert await task == (3, "no\n")
    assert listener.lines == [b"first\n", b"given\n"]


async def test_only_the_last_complaints_are_kept_and_none_holds_a_program_up() -> None:
    script = "head -c 300000 /dev/zero | tr '\\0' x >&2; echo the end >&2"

    status, complaints = await process.stream(sh(script), Listener().hear)

    assert status == 0
    assert complaints.endswith("xxx" + "the end\n")
    assert len(complaints) <= process.LAST_WORDS


async def test_a_program_that_does_not_listen_is_heard_nevertheless() -> None:
    listener = Listener()

    done = await process.stream(sh("exec <&-; echo done"), listener.hear, stdin=b"x" * 10**6)

    assert done == (0, "")
    assert listener.lines == [b"done\n"]


async def test_a_line_without_an_end_is_an_error_and_ends_the_program(tmp_path: Path) -> None:
    begun = tmp_path / "pid"
    script = f"echo $$ > {begun}; exec tr '\\0' x < /dev/zero"

    with pytest.raises(errors.FaultError, match=r"command\.overlong"):
        await process.stream(sh(script), Listener().hear)

    assert not is_alive(begun.read_text().strip())


async def test_a_program_that_says_something_but_does_not_end_is_ended() -> None:
    with pytest.raises(errors.UnavailableError, match=r"command\.timeout"):
        await process.stream(sh("echo begun; exec sleep 60"), Listener().hear, seconds=0.2)


async def test_a_program_whose_words_cannot_be_borne_is_ended(tmp_path: Path) -> None:
    begun = tmp_path / "pid"

    async def refuse(_: bytes) -> None:
        raise errors.FaultError("test.refused")

    with pytest.raises(errors.FaultError, match=r"test\.refused"):
        await process.stream(sh(f"echo $$ > {begun}; echo word; exec sleep 60"), refuse)

    assert not is_alive(begun.read_text().strip())
