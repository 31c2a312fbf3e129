"""The command line of QEMU is a function of the machine."""

from __future__ import annotations

import pytest

from services.provisioner.adapters.qemu import arguments
from services.provisioner.domain import Size
from services.provisioner.ports import Image, MachineOrder
from shared.contracts.deployments import Doors, Endpoint

ORDER = MachineOrder(
    name="fdv-x-1",
    identity="6b7c1f0e-0000-4000-8000-000000000000",
    image=Image(key="k", packages=()),
    size=Size(cpus=2, memory_mib=512, disk_gib=8),
    ssh=Endpoint(host="127.0.0.1", port=24001),
    http=Endpoint(host="127.0.0.1", port=24002),
    http_port=80,
)
STORE = Endpoint(host="127.0.0.1", port=8333)


def value(argv: tuple[str, ...], option: str) -> str:
    return argv[argv.index(option) + 1]


def test_a_machine_carries_its_name_identity_and_size() -> None:
    argv = arguments.of_machine(ORDER, "tcg", Doors(), "/usr/bin/busybox")

    assert value(argv, "-name") == ORDER.name
    assert value(argv, "-uuid") == ORDER.identity
    assert (value(argv, "-smp"), value(argv, "-m")) == ("2", "512")


def test_nothing_leads_out_of_a_machine_but_the_doors() -> None:
    closed = value(arguments.of_machine(ORDER, "tcg", Doors(), "/bin/busybox"), "-netdev")
    opened = value(arguments.of_machine(ORDER, "tcg", Doors(s3=STORE), "/bin/busybox"), "-netdev")

    assert closed.split(",") == [
        "user",
        "id=network",
        "restrict=on",
        "hostfwd=tcp:127.0.0.1:24001-:22",
        "hostfwd=tcp:127.0.0.1:24002-:80",
    ]
    assert opened == (f"{closed},guestfwd=tcp:10.0.2.100:3900-cmd:/bin/busybox nc 127.0.0.1 8333")


def test_a_machine_is_told_only_of_doors_that_lead_somewhere() -> None:
    assert arguments.doors_inside(Doors()) == Doors()
    assert arguments.doors_inside(Doors(s3=STORE)) == Doors(
        s3=Endpoint(host="10.0.2.100", port=3900)
    )


def test_the_seed_stays_off_the_kernel_command_line() -> None:
    argv = arguments.of_machine(ORDER, "tcg", Doors(), "/bin/busybox")

    assert "hostkey" not in value(argv, "-append")
    assert "name=opt/fediversity/hostkey,file=hostkey" in argv


@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
def test_a_probe_boots_the_same_kernel(accelerator: str) -> None:
    argv = arguments.of_probe(accelerator)

    assert value(argv, "-kernel") == "kernel"
    assert value(argv, "-accel").startswith(accelerator)
    assert "fediversity.probe" in value(argv, "-append")
