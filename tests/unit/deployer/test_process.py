"""Child processes never outlive the wait for them."""

from __future__ import annotations

import asyncio
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
