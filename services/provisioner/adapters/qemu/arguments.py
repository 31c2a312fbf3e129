"""How QEMU is called for a machine: pure functions from an order to arguments."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...domain import Door
from . import images, machines, monitor, opening
from .ways_out import GUEST_DOORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import Doors

    from ...ports import MachineOrder

PROGRAM: Final = "qemu-system-x86_64"
DOOR: Final = str(Path(__file__).with_name("door.py"))
_QUIET_HARDWARE: Final = ("-nodefaults", "-no-user-config", "-display", "none")
_COMMAND_LINE: Final = (
    "console=ttyS0 root=/dev/vda rw quiet loglevel=3 init=/usr/sbin/fediversity-init panic=5 "
    "random.trust_cpu=on net.ifnames=0 "
    # A machine has no keyboard, and its kernel was tested by the distribution.
    "i8042.noaux i8042.nokbd cryptomgr.notests audit=0"
)
# An emulated processor has none of the leaks that Linux would guard against, at a price.
_EMULATED: Final = " tsc=unstable mitigations=off"
_ACCELERATORS: Final = {
    "kvm": ("-accel", "kvm", "-cpu", "host"),
    # One CPU more is slower under emulation. In a buffer of 64 MiB a database and an interpreter
    # push out each other's translated code; what is not used of a larger one takes no memory.
    "tcg": ("-accel", "tcg,tb-size=256"),
}


def of_machine(
    order: MachineOrder, accelerator: str, doors: Doors, porter: Sequence[str]
) -> tuple[str, ...]:
    """Return the arguments for a machine whose directory is the current one.

    The porter is the command that carries a connection through a door, up to where that leads.
    """
    seeds = (
        word
        for seed in machines.SEEDS
        for word in ("-fw_cfg", f"name=opt/fediversity/{seed},file={seed}")
    )
    return (
        *("-name", order.name, "-uuid", order.identity),
        # In a session of its own, and back here only when everything is open, or with the reason.
        "-daemonize",
        *_hardware(order, accelerator),
        *("-append", _COMMAND_LINE + (_EMULATED if accelerator == "tcg" else "")),
        *_disk(),
        *_network(order, doors, porter),
        *("-device", "virtio-rng-pci"),
        # What a guest writes to its console must not fill the host's disk.
        *("-chardev", f"ringbuf,id={monitor.CONSOLE},size={monitor.CONSOLE_BYTES}"),
        *("-serial", f"chardev:{monitor.CONSOLE}"),
        *("-qmp", f"unix:{monitor.SOCKET},server=on,wait=off"),
        *seeds,
    )


def of_porter(folder: Path, netcat: str) -> tuple[str, ...]:
    """Return the command that lets the connections of a machine out, so many at once."""
    places = str(folder.absolute() / opening.PLACES)
    # Isolated and without packages: it starts in a third of the time.
    return (sys.executable, "-I", "-S", DOOR, places, str(opening.MOST_CONNECTIONS), netcat)


def of_probe(accelerator: str) -> tuple[str, ...]:
    """Return the arguments that only see whether Linux comes up; it says so and powers off."""
    return (
        *_QUIET_HARDWARE,
        *("-machine", "q35", *_ACCELERATORS[accelerator], "-m", "128"),
        *("-kernel", images.KERNEL, "-initrd", images.INITRD),
        *("-append", "console=ttyS0 quiet fediversity.probe mitigations=off tsc=unstable"),
        *("-serial", "stdio", "-no-reboot"),
    )


def _hardware(order: MachineOrder, accelerator: str) -> tuple[str, ...]:
    return (
        *_QUIET_HARDWARE,
        *("-machine", "q35", *_ACCELERATORS[accelerator]),
        *("-m", str(order.size.memory_mib), "-smp", str(order.size.cpus)),
        *("-kernel", images.KERNEL, "-initrd", images.INITRD),
    )


def _disk() -> tuple[str, ...]:
    disk = f"if=none,id=disk,file={machines.DISK},format=qcow2,cache=writeback,discard=unmap"
    return ("-drive", disk, "-device", "virtio-blk-pci,drive=disk")


def _network(order: MachineOrder, doors: Doors, porter: Sequence[str]) -> tuple[str, ...]:
    # Without restrict a machine would reach every service on the host's loopback interface.
    parts = [
        f"user,id={monitor.NETWORK},restrict=on",
        *(f"hostfwd=tcp:{at}-:{port}" for port, at in sorted(order.addresses.items())),
    ]
    for name, inside, outside in (
        ("s3", GUEST_DOORS.s3, doors.s3),
        (Door.MAIL, GUEST_DOORS.mail, doors.mail),
        (Door.EGRESS, GUEST_DOORS.egress, doors.egress),
    ):
        if outside:
            # One process for each connection: QEMU's own way to a socket carries only one.
            command = shlex.join((*porter, outside.host, str(outside.port), name))
            parts.append(f"guestfwd=tcp:{inside}-cmd:{command.replace(',', ',,')}")
    return (
        "-netdev",
        ",".join(parts),
        "-device",
        f"virtio-net-pci,romfile=,netdev={monitor.NETWORK}",
    )
