"""How many connections a machine has through its doors at once, whatever it tries."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from services.provisioner.adapters.qemu.opening import MOST_CONNECTIONS
from shared.contracts.deployments import Endpoint
from tests.integration.provisioner import guests
from tests.support.eventually import eventually
from tests.support.listener import listening

if TYPE_CHECKING:
    from collections.abc import Sequence

TRIED = 200
# Answers are read while all connections are open: held ones say so, others end or stay silent.
CROWD = """python3 - <<'P'
import select, socket
crowd = []
for _ in range({tried}):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("{host}", {port}))
    crowd.append(one)
said = {{}}
while len(said) < {tried}:
    ready, _, _ = select.select([it for it in crowd if it not in said], [], [], 60)
    if not ready:
        break
    for one in ready:
        try:
            said[one] = one.recv(100).decode() or "ended"
        except OSError:
            said[one] = "refused"
words = list(said.values())
print(words.count("in"), words.count("ended") + words.count("refused"), len(words))
P"""
KNOCK = """python3 - <<'P'
import socket
one = socket.create_connection(("{host}", {port}), timeout=10)
print(one.recv(100).decode())
P"""


async def test_a_machine_cannot_fill_its_host_with_connections() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"in")
        await reader.read()

    async with listening(hold) as door:
        host, _, port = door.rpartition(":")
        async with guests.running(Endpoint(host=host, port=int(port))) as guest:
            inside = guest.backend.doors().s3
            assert inside is not None
            place = {"host": inside.host, "port": inside.port}
            crowd = asyncio.create_task(guest.run(CROWD.format(tried=TRIED, **place)))
            seen = await counts(crowd, port)
            held, ended, answered = map(int, (await crowd).split())

            assert (held, ended, answered) == (MOST_CONNECTIONS, TRIED - MOST_CONNECTIONS, TRIED)
            # Those that are turned away live for some milliseconds.
            assert MOST_CONNECTIONS <= max(seen) < MOST_CONNECTIONS + 32
            # They go as they came: their places are free again, and the machine goes on.
            await eventually(lambda: not processes(port), within=10)
            assert await guest.run(KNOCK.format(**place)) == "in\n"


async def counts(crowd: asyncio.Task[str], port: str) -> Sequence[int]:
    """Return how many processes there were for the door, again and again."""
    seen = [0]
    while not crowd.done():
        seen.append(len(processes(port)))
        await asyncio.sleep(0.02)
    return seen


def processes(port: str) -> Sequence[str]:
    """Return the processes that carry a connection to a port, by pid."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[-3:-1] == [b"127.0.0.1", port.encode()]:
                found.append(entry.name)
    return found
