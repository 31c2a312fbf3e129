"""The directory of one machine: everything it needs to run, wherever the directory is moved.

disk.qcow2           what it wrote, over base.qcow2
base.qcow2 kernel initrd    its image, for life: links that outlive the cache
hostname authorized_keys hostkey   its seed, read by QEMU at each start
machine.json         what was ordered
former-size.json     the size that it ran with last, until it runs with another
doors.json           where its doors led when it was started
open-doors           which of those to the world are open
process.json         the process that runs it, by pid and start time
places-*             locked byte by byte: the connections that it has through each door
"""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.contracts.deployments import Endpoint

from ...domain import SSH_PORT, Size
from ...ports import FoundMachine, Image, MachineOrder, Power
from . import commands, images, opening, processes, ways_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.contracts.deployments import Doors

DISK: Final = "disk.qcow2"
BASE: Final = "base.qcow2"
HOST_KEY: Final = "hostkey"
AUTHORIZED_KEYS: Final = "authorized_keys"
HOST_NAME: Final = "hostname"
SEEDS: Final = (HOST_NAME, AUTHORIZED_KEYS, HOST_KEY)
ORDER: Final = "machine.json"
FORMER_SIZE: Final = "former-size.json"
PROCESS: Final = "process.json"
# Room for what a machine writes soon after its first boot; the rest is promised, as disks are.
ROOM_BYTES: Final = 256 * 2**20


@dataclass(frozen=True, slots=True)
class MachineFolder:
    """One machine's directory, which exists as a whole or not at all."""

    path: Path

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.path.name

    def order(self) -> MachineOrder | None:
        """Return what was ordered, or None when there is no such machine."""
        try:
            found: dict[str, Any] = json.loads((self.path / ORDER).read_text())
        except FileNotFoundError:
            return None
        return MachineOrder(
            name=self.name,
            identity=found["identity"],
            image=Image(key=found["image"], packages=tuple(found["packages"])),
            size=Size(**found["size"]),
            addresses=_addresses(found),
        )

    def found(self, offered: Doors) -> FoundMachine | None:
        """Return the machine as it exists; a start gives it the doors that are offered."""
        order = self.order()
        if order is None:
            return None
        power = Power.RUNNING if self.process(order.identity) else Power.STOPPED
        started = ways_out.read(self.path) if power is Power.RUNNING else None
        doors = started or offered
        return FoundMachine(
            name=order.name,
            identity=order.identity,
            power=power,
            image=order.image,
            size=order.size,
            addresses=order.addresses,
            host_public_key=self.host_public_key(),
            doors=ways_out.inside(doors),
            is_outdated=doors != offered,
            open_doors=opening.read(self.path),
        )

    def host_public_key(self) -> str:
        """Return the SSH host key that the machine was given, without a comment."""
        return " ".join((self.path / f"{HOST_KEY}.pub").read_text().split()[:2])

    def process(self, identity: str) -> processes.Process | None:
        """Return the process that runs the machine, also one that nobody recorded."""
        record = self.path / PROCESS
        found = processes.read(record)
        if found is None and (found := processes.carrying(identity)):
            found.write(record)
        return found

    def let_in(self, public_key: str) -> None:
        """Seed who may enter, from the next start on."""
        (self.path / AUTHORIZED_KEYS).write_text(f"{public_key.strip()}\n")

    def former_size(self) -> Size | None:
        """Return the size that it ran with last, when it has got another since."""
        try:
            return Size(**json.loads((self.path / FORMER_SIZE).read_text()))
        except FileNotFoundError:
            return None

    def remember_size(self, size: Size) -> None:
        """Keep the size that it ran with last, before it gets another."""
        if self.former_size() is None:
            self._write(FORMER_SIZE, asdict(size))

    def forget_former_size(self) -> None:
        """Note that it runs with the size that was ordered."""
        (self.path / FORMER_SIZE).unlink(missing_ok=True)

    def record(self, order: MachineOrder) -> None:
        """Record what is ordered; from then on the machine exists."""
        self._write(
            ORDER,
            {
                "identity": order.identity,
                "image": order.image.key,
                "packages": order.image.packages,
                "size": asdict(order.size),
                "addresses": {str(port): at.model_dump() for port, at in order.addresses.items()},
            },
        )

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        fresh = self.path / f"{name}.new"
        fresh.write_text(json.dumps(content))
        fresh.rename(self.path / name)


def _addresses(found: Mapping[str, Any]) -> Mapping[int, Endpoint]:
    # An earlier version gave a machine two, and one of them to all that answers HTTP in it.
    recorded = found.get("addresses") or {
        SSH_PORT: found["ssh"],
        found["http_port"]: found["http"],
    }
    return {int(port): Endpoint(**at) for port, at in recorded.items()}


async def create(folder: MachineFolder, order: MachineOrder, image: Path) -> None:
    """Put a machine's directory together beside its place, then move it there."""
    commands.check_room(folder.path.parent, ROOM_BYTES)
    work = MachineFolder(folder.path.with_name(f".{folder.name}.new"))
    _begin(work.path, image)
    (work.path / HOST_NAME).write_text(f"{order.name}\n")
    size = f"{order.size.disk_gib}G"
    # Relative names, so that a data directory can be moved with its machines.
    for_key = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", order.name, "-f", HOST_KEY)
    for_disk = ("qemu-img", "create", "-q", "-f", "qcow2", "-b", BASE, "-F", "qcow2", DISK, size)
    await asyncio.gather(*(commands.run(it, folder=work.path) for it in (for_key, for_disk)))
    work.record(order)
    work.path.rename(folder.path)


def _begin(path: Path, image: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    for part, name in ((images.DISK, BASE), (images.KERNEL,) * 2, (images.INITRD,) * 2):
        try:
            (path / name).hardlink_to(image / part)
        except OSError:  # the cache lies on another file system
            shutil.copyfile(image / part, path / name)


def remove(folder: MachineFolder) -> None:
    """Remove a machine's directory: first its name, then the rest."""
    gone = folder.path.with_name(f".{folder.name}.removed")
    shutil.rmtree(gone, ignore_errors=True)
    # Of a creation that nobody came back to.
    shutil.rmtree(folder.path.with_name(f".{folder.name}.new"), ignore_errors=True)
    if folder.path.exists():
        folder.path.rename(gone)
        shutil.rmtree(gone)
