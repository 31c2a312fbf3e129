"""`RuntimeBackend` for QEMU on this host."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from typing_extensions import override

from shared import errors, telemetry

from ...domain import SSH_PORT
from ...ports import Power, RuntimeBackend
from . import (
    acceleration,
    arguments,
    commands,
    machines,
    memory,
    monitor,
    opening,
    reach,
    ways_out,
)
from .machines import MachineFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from shared.contracts.deployments import Doors, Endpoint

    from ...domain import Door, Size
    from ...ports import FoundMachine, Image, MachineOrder
    from .images import Images
    from .monitor import Monitor
    from .processes import Process

BOOT_SECONDS: Final = 120.0
PRESSES: Final = 6
PRESS_SECONDS: Final = 4.0
QUIT_SECONDS: Final = 5.0
PORT_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.05
VERDICTS: Final = "acceleration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class QemuRuntimeBackend(RuntimeBackend):
    """Runs machines as processes of this host."""

    directory: Path
    images: Images
    ways_out: Doors
    """What the doors of every machine lead to, as this host sees it."""
    public_key: Callable[[], str]
    """Who may enter a machine; asked at each start."""
    accelerator: Literal["auto", "kvm", "tcg"] = "auto"

    @override
    def doors(self) -> Doors:
        return ways_out.inside(self.ways_out)

    @override
    async def is_free(self, endpoint: Endpoint) -> bool:
        return _is_free(endpoint)

    @override
    async def ensure_image(self, packages: Sequence[str]) -> Image:
        image = await self.images.ensure(packages)
        await self.images.prune({it.image.key for it in await self.list_machines()})
        return image

    @override
    async def list_machines(self) -> Sequence[FoundMachine]:
        folders = (MachineFolder(it) for it in sorted(self.directory.glob("[!.]*")))
        found = (it.found(self.ways_out) for it in folders)
        return [it for it in found if it is not None]

    @override
    async def find(self, name: str) -> FoundMachine | None:
        return self._folder(name).found(self.ways_out)

    @override
    async def create(self, order: MachineOrder) -> FoundMachine:
        folder = self._folder(order.name)
        if folder.order() is not None:
            raise errors.ConflictError("machine.exists", f"there is a machine {order.name} already")
        for program in (arguments.PROGRAM, "qemu-img", "busybox", "ssh-keygen"):
            commands.find(program)
        self.directory.mkdir(parents=True, exist_ok=True)
        async with self.images.held(order.image) as image:
            await machines.create(folder, order, image)
        found = folder.found(self.ways_out)
        assert found is not None  # noqa: S101 - it was just put there
        return found

    @override
    async def resize(self, name: str, identity: str, size: Size) -> None:
        folder, order = self._mine(name, identity)
        # Without room it could not even be started again. A disk only takes what is written to it.
        commands.check_room(folder.path, machines.ROOM_BYTES)
        had = order.size.memory_mib if folder.process(identity) else 0
        memory.check(name, had, size)
        await self.stop(name, identity)
        if size.disk_gib > order.size.disk_gib:
            await commands.run(
                ("qemu-img", "resize", "-q", machines.DISK, f"{size.disk_gib}G"),
                folder=folder.path,
            )
        folder.remember_size(order.size)
        folder.record(replace(order, size=size))

    @override
    async def forward(self, name: str, identity: str, addresses: Mapping[int, Endpoint]) -> None:
        folder, order = self._mine(name, identity)
        if folder.process(identity):
            async with monitor.connected(folder.path, identity) as qemu:
                await _forward(qemu, addresses)
        folder.record(replace(order, addresses=addresses))

    @override
    async def open_doors(self, name: str, identity: str, doors: AbstractSet[Door]) -> None:
        folder, _ = self._mine(name, identity)
        opening.let_out(folder.path, doors)

    @override
    async def start(self, name: str, identity: str) -> None:
        folder, order = self._mine(name, identity)
        process = folder.process(identity)
        if process is None or not await self._runs(folder, identity):
            if process:
                await process.end()
            await self._launch_or_go_back(folder, order)
        folder.forget_former_size()

    @override
    async def reach(self, name: str, identity: str) -> None:
        folder, order = self._mine(name, identity)
        async with monitor.connected(folder.path, identity) as qemu:
            await reach.banner(order.addresses[SSH_PORT], qemu.console, within=BOOT_SECONDS)

    @override
    async def stop(self, name: str, identity: str) -> None:
        folder, _ = self._mine(name, identity)
        if process := folder.process(identity):
            await self._power_down(folder, identity, process)

    @override
    async def remove(self, name: str, identity: str) -> None:
        folder = self._folder(name)
        if folder.order() is not None:
            self._mine(name, identity)
        if process := folder.process(identity):
            await self._end(folder, identity, process)
        machines.remove(folder)
        telemetry.log.info("machine_removed", machine=name)

    def _folder(self, name: str) -> MachineFolder:
        return MachineFolder(self.directory / name)

    def _mine(self, name: str, identity: str) -> tuple[MachineFolder, MachineOrder]:
        """Return a machine's directory and order, when it is the one that is meant."""
        folder = self._folder(name)
        order = folder.order()
        if order is None:
            raise errors.NotFoundError(
                "machine.not_found", f"there is no machine {name} below {self.directory}"
            )
        if order.identity != identity:
            raise errors.ConflictError(
                "machine.other_identity", f"machine {name} is {order.identity}, not {identity}"
            )
        return folder, order

    async def _runs(self, folder: MachineFolder, identity: str) -> bool:
        """Say whether a machine's process does its work; one that was paused goes on."""
        async with monitor.connected(folder.path, identity) as qemu:
            status = await qemu.status()
            if status == monitor.PAUSED_FOR_ROOM:
                commands.check_room(folder.path, machines.ROOM_BYTES)
            if status in {monitor.PAUSED_FOR_ROOM, "paused"}:
                await qemu.resume()
            return status in {monitor.PAUSED_FOR_ROOM, "paused", "running"}

    async def _launch(self, folder: MachineFolder, order: MachineOrder) -> None:
        commands.check_room(folder.path, machines.ROOM_BYTES)
        await _await_free(*order.addresses.values())
        folder.let_in(self.public_key())
        (folder.path / monitor.SOCKET).unlink(missing_ok=True)
        ways_out.record(folder.path, self.ways_out)
        accelerator = await self._accelerator(folder)
        porter = arguments.of_porter(folder.path, commands.find("busybox"))
        argv = arguments.of_machine(order, accelerator, self.ways_out, porter)
        try:
            await commands.run((arguments.PROGRAM, *argv), folder=folder.path)
        except errors.CommandError as error:
            raise _explained(error, order) from error
        folder.process(order.identity)
        telemetry.log.info("machine_started", machine=order.name, accelerator=accelerator)

    async def _launch_or_go_back(self, folder: MachineFolder, order: MachineOrder) -> None:
        """Start a machine; one that gets no memory for its new size, with the one it had."""
        try:
            await self._launch(folder, order)
        except errors.FaultError as error:
            former = folder.former_size()
            if error.code != memory.FULL or former is None:
                raise
            before = replace(order, size=replace(former, disk_gib=order.size.disk_gib))
            folder.record(before)
            folder.forget_former_size()
            await self._launch(folder, before)
            message = f"{error.message}. {order.name} runs as before, with {before.size}"
            raise errors.FaultError(memory.FULL, message) from error

    async def _accelerator(self, folder: MachineFolder) -> str:
        if self.accelerator != "auto":
            return self.accelerator
        return await acceleration.choose(folder.path, self.directory / f".{VERDICTS}")

    async def _power_down(self, folder: MachineFolder, identity: str, process: Process) -> None:
        """Let the guest end its work; then insist."""
        try:
            async with monitor.connected(folder.path, identity) as qemu:
                for _ in range(PRESSES):
                    # A guest that has only begun to boot does not notice the first ones.
                    await qemu.press_power_button()
                    if await process.gone(PRESS_SECONDS):
                        return
        except errors.UnavailableError as error:
            telemetry.log.warning("machine_does_not_listen", reason=error.message)
        await self._end(folder, identity, process)

    async def _end(self, folder: MachineFolder, identity: str, process: Process) -> None:
        """End a machine without asking its guest."""
        try:
            async with monitor.connected(folder.path, identity) as qemu:
                await qemu.quit()
            await process.gone(QUIT_SECONDS)
        except errors.UnavailableError as error:
            telemetry.log.warning("machine_does_not_listen", reason=error.message)
        await process.end()


async def _forward(qemu: Monitor, addresses: Mapping[int, Endpoint]) -> None:
    """Let a machine that runs be reached at these addresses and at no other ones."""
    there = await qemu.addresses()
    for port, endpoint in there.items():
        if addresses.get(port) != endpoint:
            await qemu.close(endpoint)
    opened: list[Endpoint] = []
    for port, endpoint in addresses.items():
        if there.get(port) == endpoint:
            continue
        if not await qemu.open(port, endpoint):
            for it in opened:
                await qemu.close(it)
            raise _port_taken(endpoint)
        opened.append(endpoint)


def _is_free(endpoint: Endpoint) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((endpoint.host, endpoint.port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise errors.FaultError(
                "machine.address", f"this host cannot listen at {endpoint}: {error.strerror}"
            ) from error
    return True


async def _await_free(*endpoints: Endpoint) -> None:
    """Wait a moment for addresses that somebody who is ending still has."""
    deadline = time.monotonic() + PORT_SECONDS
    for endpoint in endpoints:
        while not _is_free(endpoint):
            if time.monotonic() > deadline:
                raise _port_taken(endpoint)
            await asyncio.sleep(POLL_SECONDS)


def _port_taken(endpoint: Endpoint) -> errors.ConflictError:
    return errors.ConflictError(
        "machine.port_taken",
        f"something else listens at {endpoint}; see what: ss -ltnp 'sport = :{endpoint.port}'",
    )


def _explained(error: errors.CommandError, order: MachineOrder) -> errors.HostingError:
    """Return what a refusal of QEMU to start means."""
    text = error.stderr
    if "Could not set up host forwarding rule" in text:
        named = (it for it in order.addresses.values() if f":{it.port}-" in text)
        return _port_taken(next(named, order.addresses[SSH_PORT]))
    if 'Failed to get "write" lock' in text:
        return errors.UnavailableError("machine.starting", f"{order.name} is being started already")
    if "Cannot allocate memory" in text or "cannot set up guest memory" in text:
        return memory.refused(order.name, order.size)
    return error


async def stop_all(backend: QemuRuntimeBackend) -> Sequence[str]:
    """Stop every machine of this host, all at once, and return the names of those that ran.

    Raises:
        FaultError: some could not be stopped, or their folders not be read; all others were.
    """
    names = [it.name for it in sorted(backend.directory.glob("[!.]*"))]
    stops = (_stop_if_running(backend, it) for it in names)
    stopped = await asyncio.gather(*stops, return_exceptions=True)
    troubles = [
        f"{name}: {str(it) or repr(it)}"
        for name, it in zip(names, stopped, strict=True)
        if isinstance(it, BaseException)
    ]
    if troubles:
        raise errors.FaultError(
            "machine.not_stopped",
            f"not every machine of this host was stopped; see to these: {'; '.join(troubles)}",
        )
    return [name for name, it in zip(names, stopped, strict=True) if it]


async def _stop_if_running(backend: QemuRuntimeBackend, name: str) -> bool:
    found = await backend.find(name)
    if found is None or found.power is not Power.RUNNING:
        return False
    await backend.stop(name, found.identity)
    return True
