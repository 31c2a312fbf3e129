"""What gets out of a machine through its doors, whatever it tries."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu.opening import MOST_CONNECTIONS
from services.provisioner.domain import Door
from shared.contracts.deployments import Endpoint
from shared.embedded.ports import LOOPBACK
from shared.embedded.servers import aiosmtpd
from tests.integration.provisioner import guests
from tests.support.eventually import eventually
from tests.support.listener import listening
from tests.support.servers import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.integration.provisioner.guests import Guest

TRIED = 200
# Answers are read while all connections are open: held ones say so, others end or stay silent.
CROWD = """python3 - <<'P'
import select, socket
crowd = []
for _ in range({tried}):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(("{at.host}", {at.port}))
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
one = socket.create_connection(("{at.host}", {at.port}), timeout=10)
print(one.recv(100).decode())
P"""
STAY = """python3 - <<'P'
import socket
one = socket.create_connection(("{at.host}", {at.port}), timeout=30)
try:
    while one.recv(100):
        pass
except ConnectionError:
    pass
print("called back")
P"""
POST = """python3 - <<'P'
import smtplib
try:
    with smtplib.SMTP("{at.host}", {at.port}, timeout=30) as smtp:
        smtp.sendmail("blog@garden.example", ["person@elsewhere.example"],
            "Subject: Hello\\r\\n\\r\\nfrom inside\\r\\n")
    print("sent")
except smtplib.SMTPException as error:
    print(type(error).__name__)
P"""


@pytest.fixture
async def relay(data_directory: Path) -> AsyncIterator[aiosmtpd.MailServer]:
    require("aiosmtpd", "python3-aiosmtpd")
    async with aiosmtpd.running(data_directory / "mail") as found:
        yield found


async def test_a_machine_gets_out_by_its_doors_as_far_as_they_are_open(
    relay: aiosmtpd.MailServer,
) -> None:
    async with (
        listening(hold) as store,
        listening(hold) as world,
        guests.running(
            address(store),
            mail=Endpoint(host=LOOPBACK, port=relay.port),
            egress=address(world),
        ) as guest,
    ):
        await a_crowd_is_held_back_at_the_host(guest, store)
        await the_world_is_reached_while_its_door_is_open(guest, world)
        await a_letter_leaves_while_its_door_is_open(guest, relay)


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"in")
    await reader.read()


def address(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    return Endpoint(host=host, port=int(port))


async def a_crowd_is_held_back_at_the_host(guest: Guest, store: str) -> None:
    port = store.rpartition(":")[2]
    inside = guest.backend.doors().s3
    crowd = asyncio.create_task(guest.run(CROWD.format(tried=TRIED, at=inside)))
    seen = await counts(crowd, port)
    held, ended, answered = map(int, (await crowd).split())

    assert (held, ended, answered) == (MOST_CONNECTIONS, TRIED - MOST_CONNECTIONS, TRIED)
    # Those that are turned away live for some milliseconds.
    assert MOST_CONNECTIONS <= max(seen) < MOST_CONNECTIONS + 32
    # They go as they came: their places are free again, and the machine goes on.
    await eventually(lambda: not processes(port), within=10)
    assert await guest.run(KNOCK.format(at=inside)) == "in\n"


async def the_world_is_reached_while_its_door_is_open(guest: Guest, world: str) -> None:
    knock = KNOCK.format(at=guest.backend.doors().egress)
    assert await guest.run(knock) == "\n"

    await guest.open_doors(Door.EGRESS)
    assert await guest.run(knock) == "in\n"
    # Who is outside when the door closes is called back.
    staying = asyncio.create_task(guest.run(STAY.format(at=guest.backend.doors().egress)))
    await eventually(lambda: processes(world.rpartition(":")[2]), within=60)
    assert not staying.done()
    await guest.open_doors()
    assert await staying == "called back\n"


async def a_letter_leaves_while_its_door_is_open(guest: Guest, relay: aiosmtpd.MailServer) -> None:
    inside = guest.backend.doors().mail
    assert await guest.run(POST.format(at=inside)) == "SMTPServerDisconnected\n"

    await guest.open_doors(Door.MAIL)
    assert await guest.run(POST.format(at=inside)) == "sent\n"
    [letter] = relay.letters.iterdir()
    assert letter.read_bytes().endswith(b"Subject: Hello\r\n\r\nfrom inside\r\n")


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
