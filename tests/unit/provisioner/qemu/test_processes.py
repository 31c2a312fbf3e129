"""A process is known by pid and start time, and ended for certain."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from services.provisioner.adapters.qemu import processes

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_process_is_alive_until_it_ended() -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    process = processes.of(child.pid)
    assert process is not None
    assert process.is_alive()

    await process.end()

    assert not process.is_alive()
    await child.wait()


async def test_a_later_process_of_the_same_number_is_another_one() -> None:
    process = processes.of(os.getpid())
    assert process is not None

    assert not replace(process, started=process.started - 1).is_alive()
    assert not replace(process, boot="another boot").is_alive()


def test_a_record_that_is_missing_or_broken_names_no_process(tmp_path: Path) -> None:
    assert processes.read(tmp_path / "process.json") is None
    for text in ("", "[]", '{"pid": 1}', "{"):
        (tmp_path / "process.json").write_text(text)
        assert processes.read(tmp_path / "process.json") is None


def test_a_recorded_process_is_found_again(tmp_path: Path) -> None:
    process = processes.of(os.getpid())
    assert process is not None

    process.write(tmp_path / "process.json")

    assert processes.read(tmp_path / "process.json") == process


async def test_two_programs_record_a_process_at_once(tmp_path: Path) -> None:
    """As the service does, and the command that stops all machines beside it."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from services.provisioner.adapters.qemu import processes\n"
        "for _ in range(300): processes.of(os.getpid()).write(Path(sys.argv[1]))"
    )
    arguments = (sys.executable, "-c", program, str(tmp_path / "process.json"))
    both = [await asyncio.create_subprocess_exec(*arguments) for _ in range(2)]

    assert [await it.wait() for it in both] == [0, 0]
    assert names(tmp_path) == ["process.json"]


def names(folder: Path) -> list[str]:
    return [it.name for it in folder.iterdir()]


def test_no_process_carries_an_identity_that_was_never_given() -> None:
    assert processes.carrying("never-given") is None
