"""The supervisor starts everything, keeps it running, and leaves nothing."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import errors
from shared.embedded import identity, places, state, supervisor
from shared.embedded.installation import Installation
from shared.embedded.supervisor import Supervisor
from tests.support.eventually import eventually
from tests.support.servers import choose_ports, require

SERVERS = ("postgres", "nats", "objects", "caddy", "front", "egress", "mail")


@pytest.fixture
def options(data_directory: Path) -> places.Options:
    require("caddy", "caddy")
    choose_ports(data_directory / "data")
    return places.Options(
        data=data_directory / "data", cache=data_directory / "cache", services=frozenset()
    )


@pytest.fixture
async def running(options: places.Options) -> AsyncIterator[Supervisor]:
    async with supervisor.up(options, silent) as it:
        yield it


def silent(_: str) -> None:
    """Say nothing."""


def pids(options: places.Options) -> dict[str, int]:
    found = state.load(options.state)
    assert found is not None
    return {name: it.pid for name, it in found.parts.items() if it.pid is not None}


def recorded(options: places.Options) -> dict[str, identity.Identity]:
    found = {it.parent.name: identity.load(it) for it in options.data.glob("*/process.json")}
    return {name: it for name, it in found.items() if it is not None}


async def test_a_killed_part_is_back_within_a_second_or_so(running: Supervisor) -> None:
    options = running.installation.options
    before = pids(options)
    assert set(before) == set(SERVERS)

    os.kill(before["nats"], signal.SIGKILL)
    os.kill(before["front"], signal.SIGKILL)

    await eventually(lambda: pids(options).get("nats") not in {None, before["nats"]}, within=20)
    await eventually(lambda: pids(options).get("front") not in {None, before["front"]}, within=20)
    found = state.load(options.state)
    assert found is not None
    assert found.parts["nats"].restarts == 1
    assert pids(options)["postgres"] == before["postgres"]


async def test_a_stop_leaves_no_process_and_a_start_finds_the_same_ports(
    options: places.Options,
) -> None:
    async with supervisor.up(options, silent):
        first = options.ports.read_text()
        started = recorded(options)
        assert set(started) == set(SERVERS)

    assert not [name for name, it in started.items() if it.is_alive()]
    found = state.load(options.state)
    assert found is not None
    assert found.phase is state.Phase.STOPPED

    async with supervisor.up(options, silent):
        assert options.ports.read_text() == first


async def test_a_second_supervisor_is_refused(running: Supervisor) -> None:
    with pytest.raises(errors.ConflictError, match="up already"):
        async with supervisor.up(running.installation.options, silent):
            pass

    assert running.part("nats").child.is_running


async def test_a_dirty_stop_is_cleaned_up_by_the_next_start(options: places.Options) -> None:
    # A supervisor that dies: its children go on, its lock is gone.
    process = await in_the_foreground(options)
    process.kill()
    await process.wait()
    left = recorded(options)
    assert [name for name, it in left.items() if it.is_alive()]

    async with supervisor.up(options, silent):
        assert not [name for name, it in left.items() if it.is_alive()]
        assert set(pids(options)) == set(SERVERS)


async def in_the_foreground(options: places.Options) -> asyncio.subprocess.Process:
    """Start a supervisor of servers only as a process, and return when it is ready."""
    code = (
        "import sys; from pathlib import Path; from shared.embedded import commands, places;"
        "options = places.Options(data=Path(sys.argv[1]), cache=Path(sys.argv[2]),"
        " services=frozenset());"
        "sys.exit(commands.run_until_told(commands.stay(options)))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(options.data), str(options.cache)),
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )

    def is_ready() -> bool:
        found = state.load(options.state)
        return (
            found is not None
            and found.phase is state.Phase.READY
            and found.supervisor == identity.of(process.pid)
        )

    await eventually(is_ready, within=60)
    return process


async def test_ctrl_c_leaves_nothing_running(options: places.Options) -> None:
    process = await in_the_foreground(options)
    started = recorded(options)

    # To the whole group, and twice, as an impatient person at a terminal does.
    os.killpg(process.pid, signal.SIGINT)
    await asyncio.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)

    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert set(started) == set(SERVERS)
    assert not [name for name, it in started.items() if it.is_alive()]


async def test_a_taken_port_is_named_with_who_has_it(options: places.Options) -> None:
    kept = Installation(options).ports
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", kept["edge"]))
        stranger.listen()

        with pytest.raises(errors.ConflictError) as raised:
            async with supervisor.up(options, silent):
                pass

    assert f"port {kept['edge']} (edge) is taken by" in raised.value.message
    assert f"(pid {os.getpid()})" in raised.value.message
    assert "ports.json" in raised.value.message
    assert not [name for name, it in recorded(options).items() if it.is_alive()]


def test_secrets_are_closed_and_survive(options: places.Options) -> None:
    first = Installation(options).credentials
    assert Installation(options).credentials == first

    for path in [options.secrets, *options.secrets.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
