"""`up`, `status`, `logs` and `down` as a person types them, with every service there is."""

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.embedded import packages, state
from tests.support.servers import choose_ports, require


@dataclass(frozen=True, slots=True)
class Terminal:
    """Types commands about one data directory."""

    data: Path
    cache: Path

    async def type(self, *words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.embedded", *words, "--data", str(self.data)),
            env=os.environ | {"FEDIVERSITY_CACHE": str(self.cache)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode is not None
        return process.returncode, printed.decode()


@pytest.fixture
async def terminal(data_directory: Path) -> AsyncIterator[Terminal]:
    for need in packages.NEEDS:
        require(need.program, need.package)
    started = Terminal(data_directory / "data", data_directory / "cache")
    choose_ports(started.data)
    yield started
    await started.type("down")


def pids(data: Path) -> list[int]:
    found = state.load(data / "state.json")
    assert found is not None
    return [it.pid for it in found.parts.values() if it.pid is not None]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def assert_token_is_shown_once(printed: str, data: Path) -> None:
    token = (data / "secrets" / "token").read_text().strip()
    assert printed.count(token) == 1
    assert "fdv_" not in (data / "supervisor" / "supervisor.log").read_text()


def link_in(printed: str) -> str:
    """Return the one link that a person was told to open in a browser."""
    [link] = re.findall(r"https?://\S+/sign-in/once#fdv_once_\w+", printed)
    return str(link)


async def assert_signs_in(printed: str, home: Path) -> None:
    """Type what a person was told to type, and look at what only the provider may see."""
    [told] = [line for line in printed.splitlines() if "sign in with: " in line]
    words = shlex.split(told.partition("sign in with: ")[2])
    for typed in (words, [words[0], "dead-letters", "list"]):
        process = await asyncio.create_subprocess_exec(
            *typed,
            env=os.environ | {"XDG_CONFIG_HOME": str(home)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, said.decode()


async def test_a_day_of_commands(terminal: Terminal) -> None:
    status, printed = await terminal.type("up")
    assert status == 0, printed
    assert_token_is_shown_once(printed, terminal.data)
    link = link_in(printed)
    await assert_signs_in(printed, terminal.data)

    status, printed = await terminal.type("up")
    assert status == 0
    assert "it is up already" in printed
    assert link_in(printed) != link

    status, printed = await terminal.type("status", "--json")
    shown = json.loads(printed)
    assert (status, shown["up"], shown["phase"]) == (0, True, "ready")
    assert {it["state"] for it in shown["parts"].values()} == {"running"}

    status, printed = await terminal.type("logs", "nats")
    assert status == 0
    assert "Server is ready" in printed

    running = pids(terminal.data)
    assert alive(running) == running
    status, printed = await terminal.type("down")
    assert status == 0, printed
    assert alive(running) == []
    assert (await terminal.type("status"))[0] == 1

    status, printed = await terminal.type("up")
    assert status == 0, printed
    assert not re.search(r"fdv_[0-9a-z]{20}", printed)


async def test_down_ends_what_a_killed_supervisor_left(terminal: Terminal) -> None:
    status, printed = await terminal.type("up")
    assert status == 0, printed
    found = state.load(terminal.data / "state.json")
    assert found is not None
    assert found.supervisor is not None
    running = pids(terminal.data)

    found.supervisor.signal(signal.SIGKILL)
    assert await found.supervisor.is_gone(within=5)
    assert alive(running)

    status, printed = await terminal.type("down")
    assert status == 0, printed
    assert "the supervisor is gone; ending what it left" in printed
    assert alive(running) == []


async def test_what_does_not_exist_is_said(terminal: Terminal) -> None:
    assert await terminal.type("logs", "nothing") == (
        1,
        f"there is no log nothing in {terminal.data}; none yet\n",
    )
    status, printed = await terminal.type("trace", "01k0000000000000000000000x")
    assert status == 1
    assert "no trace of run 01k0000000000000000000000x" in printed
    status, printed = await terminal.type("down")
    assert status == 0
    assert "it is not up" in printed
