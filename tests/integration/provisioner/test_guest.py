"""What a real machine is: its size, its seed, its doors, and what it survives."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import QemuRuntimeBackend, monitor, stop_all
from services.provisioner.adapters.qemu.machines import PROCESS
from services.provisioner.ports import Power
from shared import errors
from shared.contracts.deployments import Endpoint
from tests.integration.provisioner import guests
from tests.support.eventually import eventually
from tests.support.listener import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SYSTEM = "/nix/var/nix/profiles/system"
SWITCH = "/var/lib/fediversity/switch"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
KNOCK = """python3 - <<'P'
import socket
for number, (host, port) in enumerate({places}):
    s = socket.socket()
    s.settimeout(60 if number < {open} else 3)
    try:
        s.connect((host, port))
        s.sendall(b"hello")
        s.shutdown(socket.SHUT_WR)
        print(host, port, s.recv(100).decode() or "nothing")
    except OSError as error:
        print(host, port, "closed")
P"""


@pytest.fixture
async def guest() -> AsyncIterator[guests.Guest]:
    async with guests.running() as found:
        yield found


async def test_a_machine_is_what_was_ordered_and_what_was_seeded(guest: guests.Guest) -> None:
    said = await guest.run(
        "hostname; nproc; "
        "sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo; "
        "/bin/df --output=size -k / | tail -1; "
        f"readlink -f {SYSTEM}; readlink -f /run/current-system; "
        "nix-store --verify --check-contents >/dev/null 2>&1 && echo verified; "
        "ls /etc/apt 2>/dev/null; echo end"
    )
    name, cpus, memory, disk, system, current, verified, end = said.splitlines()

    assert name == guest.order.name
    assert cpus == "1"
    assert 180_000 < int(memory) < 256 * 1024
    assert 4.7 < int(disk) / 2**20 < 5.0
    assert system == current
    assert system.endswith("-fediversity-system-empty")
    assert (verified, end) == ("verified", "end")


async def test_nobody_enters_with_another_host_key_in_mind(guest: guests.Guest) -> None:
    assert await guest.run("echo in") == "in\n"

    with pytest.raises(errors.CommandError) as caught:
        await guest.run("echo in", host_key=OTHER_KEY)

    assert "Host key verification failed" in caught.value.stderr


async def test_only_the_object_store_is_reached_from_inside() -> None:
    async def store(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"store heard " + await reader.read())
        await writer.drain()

    async def secret(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"secret heard " + await reader.read())
        await writer.drain()

    async with listening(store) as door, listening(secret) as other:
        at, port = other.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(at, int(port))
        writer.write_eof()
        assert await reader.read() == b"secret heard "  # it is there, for this computer
        writer.close()
        host, _, number = door.rpartition(":")
        async with guests.running(Endpoint(host=host, port=int(number))) as guest:
            inside = guest.backend.doors()
            assert inside.s3 is not None
            places = [
                (inside.s3.host, inside.s3.port),
                (inside.s3.host, inside.s3.port),
                (inside.s3.host, int(port)),
                ("10.0.2.2", int(port)),
                ("10.0.2.2", int(number)),
                ("127.0.0.1", int(port)),
                ("10.0.2.101", 25),
                ("10.0.2.102", 3128),
                ("10.0.2.3", 53),
                ("1.1.1.1", 443),
            ]
            said = (await guest.run(KNOCK.format(places=places, open=2))).splitlines()

    assert [it.endswith("store heard hello") for it in said[:2]] == [True, True]
    assert [it.split()[-1] for it in said[2:]] == ["closed"] * 8


async def test_a_machine_outlives_its_provisioner_and_is_found_again(guest: guests.Guest) -> None:
    process = guest.folder.process(guest.order.identity)
    (guest.folder.path / PROCESS).unlink()
    boot = await guest.run("cat /proc/sys/kernel/random/boot_id")
    again = QemuRuntimeBackend(
        directory=guest.backend.directory,
        images=guest.backend.images,
        ways_out=guest.backend.ways_out,
        public_key=guest.backend.public_key,
    )

    await again.start(guest.order.name, guest.order.identity)
    await again.reach(guest.order.name, guest.order.identity)

    assert guest.folder.process(guest.order.identity) == process
    assert await guest.run("cat /proc/sys/kernel/random/boot_id") == boot


async def test_a_machine_comes_back_from_a_power_cut_with_its_disk(guest: guests.Guest) -> None:
    await guest.run("echo kept > /root/note; sync")

    await guest.kill()
    await guest.boot()

    assert await guest.run("cat /root/note") == "kept\n"


async def test_stopping_all_machines_lets_them_end_their_work(guest: guests.Guest) -> None:
    await guest.run("mkdir -p /root/late; echo unsynced > /root/late/note")

    assert list(await stop_all(guest.backend)) == [guest.order.name]

    found = await guest.backend.find(guest.order.name)
    assert found is not None
    assert found.power is Power.STOPPED
    assert list(await stop_all(guest.backend)) == []
    await guest.boot()
    assert await guest.run("cat /root/late/note") == "unsynced\n"


async def test_a_folder_that_cannot_be_read_keeps_no_other_machine_running(
    guest: guests.Guest,
) -> None:
    broken = guest.folder.path.parent / "fdv-broken-1"
    broken.mkdir()
    shutil.copy(guest.folder.path / "machine.json", broken)
    try:
        with pytest.raises(errors.FaultError, match="see to these: fdv-broken-1: "):
            await stop_all(guest.backend)
    finally:
        shutil.rmtree(broken)

    found = await guest.backend.find(guest.order.name)
    assert found is not None
    assert found.power is Power.STOPPED
    await guest.boot()


async def test_a_boot_with_an_unconfirmed_switch_takes_it_back(guest: guests.Guest) -> None:
    old = (await guest.run(f"readlink -f {SYSTEM}")).strip()
    await guest.run(
        f"set -e; cp -r {old} /nix/store/00000000000000000000000000000000-new; "
        f"ln -s /nix/store/00000000000000000000000000000000-new {SYSTEM}-1-link; "
        f"ln -sfn system-1-link {SYSTEM}; mkdir -p {SWITCH}; "
        f"echo {old} > {SWITCH}/old; readlink -f {SYSTEM} > {SWITCH}/new; sync"
    )

    await guest.kill()
    await guest.boot()

    said = await guest.run(f"readlink -f {SYSTEM}; readlink -f /run/current-system; ls {SWITCH}")
    assert said.split() == [old, old]


async def test_a_paused_machine_goes_on(guest: guests.Guest) -> None:
    async with monitor.connected(guest.folder.path, guest.order.identity) as qemu:
        await qemu.pause()

    await guest.backend.start(guest.order.name, guest.order.identity)

    async with monitor.connected(guest.folder.path, guest.order.identity) as qemu:
        assert await qemu.status() == "running"


async def test_a_larger_disk_is_there_after_the_next_boot(guest: guests.Guest) -> None:
    larger = type(guests.SIZE)(cpus=2, memory_mib=320, disk_gib=6)

    await guest.backend.resize(guest.order.name, guest.order.identity, larger)
    await guest.boot()

    said = await guest.run("nproc; /bin/df --output=size -k / | tail -1")
    cpus, disk = said.split()
    assert cpus == "2"
    assert 5.6 < int(disk) / 2**20 < 6.0


async def test_a_machine_needs_neither_the_cache_nor_its_place(
    guest: guests.Guest, tmp_path: Path
) -> None:
    await guest.backend.stop(guest.order.name, guest.order.identity)
    moved = tmp_path / "machines"
    moved.mkdir()
    guest.folder.path.rename(moved / guest.order.name)
    elsewhere = QemuRuntimeBackend(
        directory=moved,
        images=type(guest.backend.images)(
            cache=tmp_path / "cache",
            scripts=guest.backend.images.scripts,
            system=guest.backend.images.system,
        ),
        ways_out=guest.backend.ways_out,
        public_key=guest.backend.public_key,
    )

    try:
        await elsewhere.start(guest.order.name, guest.order.identity)
        await elsewhere.reach(guest.order.name, guest.order.identity)
    finally:
        await elsewhere.remove(guest.order.name, guest.order.identity)

    await eventually(lambda: not any(moved.iterdir()), within=60)
