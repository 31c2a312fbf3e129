"""The way to a real machine: its host key, lost connections, and a damaged store."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.nix import Nix, NixSystemBuilder
from services.deployer.adapters.ssh import SshHost, SshHosts
from shared import errors, ids
from shared.contracts.deployments import SecureShell
from shared.embedded.ports import free
from tests.support.deployments import HOST_KEY, a_renderer, a_revision, a_wish
from tests.support.eventually import eventually
from tests.support.servers import throwaway_directory
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.deployer.adapters.connection import Connection
    from services.deployer.domain import System
    from tests.support.guests import Guest


@asynccontextmanager
async def reached(guest: Guest, ssh: SecureShell | None = None) -> AsyncIterator[SshHost]:
    """Yield the machine, or whatever answers at another place."""
    machine = guest.granted.model_copy(update={"ssh": ssh or guest.granted.ssh})
    with throwaway_directory() as directory:
        nix = Nix.usual(directory)
        async with SshHosts.opened(
            key_file=guest.key_file, work_directory=directory, nix=nix
        ) as hosts:
            host = hosts.at(machine)
            assert isinstance(host, SshHost)
            yield host


def our_children(connection: Connection) -> list[str]:
    """Return the ssh processes that use a connection's configuration."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if words.startswith("ssh\0") and str(connection.configuration) in words:
            found.append(folder.name)
    return found


async def test_another_host_key_is_refused(guest: Guest) -> None:
    true = guest.granted.ssh
    imposter = SecureShell(host=true.host, port=true.port, host_public_key=HOST_KEY)

    async with reached(guest, imposter) as host:
        with pytest.raises(errors.FaultError, match=r"machine\.host_key_changed"):
            await host.look()


async def test_where_nothing_listens_the_machine_is_away(guest: Guest) -> None:
    nothing = guest.granted.ssh.model_copy(update={"port": free()})

    async with reached(guest, nothing) as host:
        with pytest.raises(errors.UnavailableError, match=r"machine\.unreachable"):
            await host.look()


async def test_a_connection_that_was_cut_is_opened_again(guest: Guest) -> None:
    async with reached(guest) as host:
        before = await host.look()
        await host.connection.close()

        assert await host.look() == before


async def test_nothing_is_left_when_the_connections_are_closed(guest: Guest) -> None:
    async with reached(guest) as host:
        await host.look()
        connection = host.connection
        assert our_children(connection)

    await eventually(lambda: not our_children(connection), within=30)
    assert not connection.configuration.exists()
    assert not connection.socket.exists()


@asynccontextmanager
async def full(host: SshHost) -> AsyncIterator[None]:
    """Leave no room on the machine's disk for the length of a block."""
    sizes = " ".join(str(2**power) for power in range(31, 11, -1))
    fill = (
        f"n=0; for size in {sizes}; do "
        "while fallocate -l $size /var/filler.$n 2> /dev/null; do n=$((n + 1)); done; "
        "rm -f /var/filler.$n; done"
    )
    await host.connection.do(fill)
    try:
        yield
    finally:
        await host.connection.do("rm -f /var/filler.*")


async def built(guest: Guest, nix: Nix, greeting: str) -> System:
    machine = guest.granted.model_copy(update={"applications": ("moody",)})
    revision = a_revision(wish=a_wish("moody", options={"greeting": greeting}), machines=(machine,))
    with throwaway_directory() as directory:
        builder = NixSystemBuilder(
            nix=nix, expression=ROOT / "nix/standalone", work_directory=directory
        )
        arguments = a_renderer().arguments(revision, machine, ())
        return await builder.build(machine.machine, arguments)


async def test_a_machine_without_room_is_named_whatever_needs_some(guest: Guest) -> None:
    async with reached(guest) as host:
        copied, other = [await built(guest, host.nix, ids.new_id()) for _ in range(2)]
        await host.copy(copied, verify=False)
        before = await host.look()

        async with full(host):
            with pytest.raises(errors.FaultError, match=r"machine\.disk_full"):
                await host.copy(other, verify=False)
            with pytest.raises(errors.FaultError, match=r"the disk of fdv-\S+ is full"):
                await host.switch(before.boot_id, copied, 60)

        assert await host.look() == before
        await host.copy(other, verify=False)


async def test_a_damaged_system_is_repaired_before_it_is_used(guest: Guest) -> None:
    async with reached(guest) as host:
        system = await built(guest, host.nix, "mend")
        await host.copy(system, verify=False)
        text = await host.connection.do(f"cat {system}/order")
        await host.connection.do(f"chmod u+w {system}/order && echo damaged > {system}/order")

        await host.copy(system, verify=True)

        assert await host.connection.do(f"cat {system}/order") == text
        await host.connection.do(f"nix-store --verify-path $(nix-store -qR {system})")
