"""A door that is open lets so many connections out; a closed one none, and ends those it has."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import arguments, opening
from services.provisioner.domain import Door
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

# Stands for netcat: says where it would go, and stays while somebody is at the other end.
NETCAT = "#!/bin/sh\necho $@; echo trouble >&2; exec cat\n"


async def a_connection(
    folder: Path, most: int, port: str = "80", *door: str
) -> tuple[Process, bytes]:
    """Begin a connection; return its process and what is heard of it first."""
    netcat = folder / "netcat"
    if not netcat.exists():
        netcat.write_text(NETCAT)
        netcat.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", arguments.DOOR),
        *(str(folder / "places"), str(most), str(netcat), "host", port, *door),
        stdin=-1,
        stdout=-1,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    return process, await process.stdout.readline()


async def test_each_door_has_places_of_its_own(tmp_path: Path) -> None:
    found = [await a_connection(tmp_path, 1, port) for port in ("80", "25")]

    assert [said for _, said in found] == [b"nc host 80\n", b"nc host 25\n"]
    for process, _ in found:
        await process.communicate(b"")


async def test_one_connection_too_many_ends_and_a_place_is_free_again(tmp_path: Path) -> None:
    first, second = [await a_connection(tmp_path, 2) for _ in range(2)]
    third, heard = await a_connection(tmp_path, 2)
    assert await third.wait() == 0

    first[0].kill()
    await first[0].wait()
    fourth = await a_connection(tmp_path, 2)

    assert [said for _, said in (first, second, fourth)] == [b"nc host 80\n"] * 3
    assert heard == b""
    for process, _ in (second, fourth):
        said, _ = await process.communicate(b"echoed")
        assert said == b"echoed"


@pytest.mark.parametrize("door", ["egress", "mail"])
async def test_a_door_to_the_world_is_closed_until_it_is_opened(tmp_path: Path, door: str) -> None:
    closed, nothing = await a_connection(tmp_path, 2, "80", door)
    assert await closed.wait() == 0

    opening.let_out(tmp_path, {Door(door)})
    first, heard = await a_connection(tmp_path, 2, "80", door)
    store, data = await a_connection(tmp_path, 2, "80", "s3")
    opening.let_out(tmp_path, {*Door} - {Door(door)})

    # Who is in a door that closes is put out, and nobody else is.
    assert await first.wait() == -signal.SIGKILL
    again, silence = await a_connection(tmp_path, 2, "80", door)
    assert await again.wait() == 0
    assert (nothing, heard, silence) == (b"", b"nc host 80\n", b"")
    assert (data, store.returncode) == (b"nc host 80\n", None)
    assert opening.read(tmp_path) == {*Door} - {Door(door)}
    await store.communicate(b"")


async def test_a_door_that_closes_lets_nobody_slip_through(tmp_path: Path) -> None:
    opening.let_out(tmp_path, {Door.EGRESS})
    crowd = [asyncio.create_task(a_connection(tmp_path, 64, "80", "egress")) for _ in range(20)]
    # Some have a place and have not looked yet, some have looked and are not netcat yet.
    await eventually((tmp_path / "places-egress").exists, within=10)
    opening.let_out(tmp_path, set())

    for process, _ in [await it for it in crowd]:
        assert await process.wait() in {0, -signal.SIGKILL}


async def test_a_machine_of_an_earlier_version_goes_on_through_its_doors(tmp_path: Path) -> None:
    process, heard = await a_connection(tmp_path, 2, "3128")

    assert heard == b"nc host 3128\n"
    await process.communicate(b"")
