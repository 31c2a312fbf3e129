"""What lies in the directory of a machine, and what that says about it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import machines, processes, ways_out
from services.provisioner.domain import Size
from services.provisioner.ports import Image, MachineOrder
from shared.contracts.deployments import Doors, Endpoint

if TYPE_CHECKING:
    from pathlib import Path

SSH = Endpoint(host="127.0.0.1", port=24000)
HTTP = Endpoint(host="127.0.0.1", port=24001)
STORE = Endpoint(host="127.0.0.1", port=8333)
RELAY = Endpoint(host="127.0.0.1", port=2525)
ORDER = MachineOrder(
    name="fdv-machine-1",
    identity="6b7c1f0e-0000-4000-8000-000000000000",
    image=Image(key="key", packages=()),
    size=Size(cpus=1, memory_mib=256, disk_gib=4),
    addresses={22: SSH, 80: HTTP},
)


@pytest.fixture
def folder(tmp_path: Path) -> machines.MachineFolder:
    found = machines.MachineFolder(tmp_path / ORDER.name)
    found.path.mkdir()
    (found.path / "hostkey.pub").write_text("ssh-ed25519 AAAA comment\n")
    found.record(ORDER)
    return found


def let_run(folder: machines.MachineFolder) -> None:
    """Take this process for the one of the machine."""
    process = processes.of(os.getpid())
    assert process is not None
    process.write(folder.path / machines.PROCESS)


def test_what_was_ordered_is_read_again(folder: machines.MachineFolder) -> None:
    assert folder.order() == ORDER


def test_a_machine_of_an_earlier_version_has_the_two_addresses_that_it_had(
    folder: machines.MachineFolder,
) -> None:
    path = folder.path / machines.ORDER
    written = json.loads(path.read_text())
    del written["addresses"]
    path.write_text(json.dumps(written | {"ssh": dict(SSH), "http": dict(HTTP), "http_port": 80}))

    assert folder.order() == ORDER


def test_the_size_that_it_ran_with_last_is_kept_until_it_runs_with_another(
    folder: machines.MachineFolder,
) -> None:
    larger = replace(ORDER.size, memory_mib=512)

    assert folder.former_size() is None
    folder.remember_size(ORDER.size)
    folder.remember_size(larger)
    assert folder.former_size() == ORDER.size
    folder.forget_former_size()
    assert folder.former_size() is None


def test_a_machine_that_runs_has_the_doors_that_it_was_started_with(
    folder: machines.MachineFolder,
) -> None:
    let_run(folder)
    ways_out.record(folder.path, Doors(s3=STORE))

    same = folder.found(Doors(s3=STORE))
    more = folder.found(Doors(s3=STORE, mail=RELAY))
    moved = folder.found(Doors(s3=RELAY))

    assert same is not None
    assert more is not None
    assert moved is not None
    assert same.doors == more.doors == moved.doors == Doors(s3=ways_out.GUEST_DOORS.s3)
    assert [it.is_outdated for it in (same, more, moved)] == [False, True, True]


def test_a_machine_that_stands_still_has_the_doors_that_it_will_be_started_with(
    folder: machines.MachineFolder,
) -> None:
    ways_out.record(folder.path, Doors())

    found = folder.found(Doors(s3=STORE))

    assert found is not None
    assert found.doors == Doors(s3=ways_out.GUEST_DOORS.s3)
    assert not found.is_outdated
