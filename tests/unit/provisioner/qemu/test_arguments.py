"""The command line of QEMU is a function of the machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.provisioner.adapters.qemu import arguments, opening, ways_out
from services.provisioner.domain import Size
from services.provisioner.ports import Image, MachineOrder
from shared.contracts.deployments import Doors, Endpoint

ORDER = MachineOrder(
    name="fdv-x-1",
    identity="6b7c1f0e-0000-4000-8000-000000000000",
    image=Image(key="k", packages=()),
    size=Size(cpus=2, memory_mib=512, disk_gib=8),
    addresses={
        22: Endpoint(host="127.0.0.1", port=24001),
        80: Endpoint(host="127.0.0.1", port=24002),
    },
)
PORTER = ("/bin/porter",)
STORE = Endpoint(host="127.0.0.1", port=8333)


def value(argv: tuple[str, ...], option: str) -> str:
    return argv[argv.index(option) + 1]


def test_a_machine_carries_its_name_identity_and_size() -> None:
    argv = arguments.of_machine(ORDER, "tcg", Doors(), PORTER)

    assert value(argv, "-name") == ORDER.name
    assert value(argv, "-uuid") == ORDER.identity
    assert (value(argv, "-smp"), value(argv, "-m")) == ("2", "512")


def test_nothing_leads_out_of_a_machine_but_the_doors() -> None:
    closed = value(arguments.of_machine(ORDER, "tcg", Doors(), PORTER), "-netdev")
    opened = value(arguments.of_machine(ORDER, "tcg", Doors(s3=STORE), PORTER), "-netdev")

    assert closed.split(",") == [
        "user",
        "id=network",
        "restrict=on",
        "hostfwd=tcp:127.0.0.1:24001-:22",
        "hostfwd=tcp:127.0.0.1:24002-:80",
    ]
    assert opened == f"{closed},guestfwd=tcp:10.0.2.100:3900-cmd:/bin/porter 127.0.0.1 8333 s3"


def test_a_door_has_a_porter_that_knows_how_many_may_pass() -> None:
    program, *flags, door, places, most, netcat = arguments.of_porter(Path("/m/fdv-1"), "/bin/nc")

    assert program == sys.executable
    assert flags == ["-I", "-S"]
    assert Path(door).is_file()
    assert (places, int(most)) == ("/m/fdv-1/places", opening.MOST_CONNECTIONS)
    assert netcat == "/bin/nc"


def test_a_directory_with_odd_letters_in_its_name_is_passed_on_whole() -> None:
    porter = arguments.of_porter(Path("/a, b"), "/bin/nc")
    opened = value(arguments.of_machine(ORDER, "tcg", Doors(s3=STORE), porter), "-netdev")

    assert "'/a,, b/places'" in opened


def test_a_machine_is_told_only_of_doors_that_lead_somewhere() -> None:
    assert ways_out.inside(Doors()) == Doors()
    assert ways_out.inside(Doors(s3=STORE)) == Doors(s3=Endpoint(host="10.0.2.100", port=3900))


def test_the_seed_stays_off_the_kernel_command_line() -> None:
    argv = arguments.of_machine(ORDER, "tcg", Doors(), PORTER)

    assert "hostkey" not in value(argv, "-append")
    assert "name=opt/fediversity/hostkey,file=hostkey" in argv


@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
def test_a_probe_boots_the_same_kernel(accelerator: str) -> None:
    argv = arguments.of_probe(accelerator)

    assert value(argv, "-kernel") == "kernel"
    assert value(argv, "-accel").startswith(accelerator)
    assert "fediversity.probe" in value(argv, "-append")
