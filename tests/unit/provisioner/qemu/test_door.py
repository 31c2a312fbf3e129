"""A door lets so many connections out, and the next one when one of them has ended."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from services.provisioner.adapters.qemu import arguments

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

# Stands for netcat: says where it would go, and stays while somebody is at the other end.
NETCAT = "#!/bin/sh\necho $@; echo trouble >&2; exec cat\n"


async def a_connection(folder: Path, most: int, port: str = "80") -> tuple[Process, bytes]:
    """Begin a connection; return its process and what is heard of it first."""
    netcat = folder / "netcat"
    netcat.write_text(NETCAT)
    netcat.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", arguments.DOOR),
        *(str(folder / "places"), str(most), str(netcat), "host", port),
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
