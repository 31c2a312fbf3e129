"""What QEMU's backend refuses before it touches a machine."""

from __future__ import annotations

import asyncio
import sys
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import (
    Images,
    QemuRuntimeBackend,
    machines,
    memory,
    processes,
)
from services.provisioner.domain import Size
from services.provisioner.ports import Image, MachineOrder
from shared import errors
from shared.contracts.deployments import Doors, Endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SMALL = Size(cpus=1, memory_mib=256, disk_gib=4)
ORDER = MachineOrder(
    name="fdv-machine-1",
    identity=str(uuid.uuid4()),
    image=Image(key="key", packages=()),
    size=SMALL,
    addresses={
        22: Endpoint(host="127.0.0.1", port=24000),
        80: Endpoint(host="127.0.0.1", port=24001),
    },
)


@pytest.fixture
def backend(tmp_path: Path) -> QemuRuntimeBackend:
    return QemuRuntimeBackend(
        directory=tmp_path,
        images=Images(cache=tmp_path, scripts=tmp_path, system=tmp_path),
        ways_out=Doors(),
        public_key=str,
    )


@pytest.fixture
def folder(tmp_path: Path) -> machines.MachineFolder:
    found = machines.MachineFolder(tmp_path / ORDER.name)
    found.path.mkdir()
    found.record(ORDER)
    return found


@pytest.fixture
async def process(folder: machines.MachineFolder) -> AsyncIterator[processes.Process]:
    """Yield a process that stands for the one of the machine."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    found = processes.of(child.pid)
    assert found is not None
    found.write(folder.path / machines.PROCESS)
    yield found
    await found.end()
    await child.wait()


@pytest.fixture
def available(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the host have 255 MiB of memory available, of 16 GiB."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(
        "MemTotal:       16384000 kB\nMemFree:           25000 kB\nMemAvailable:     262143 kB\n"
        "HugePages_Total:       0\n"
    )
    monkeypatch.setattr(memory, "MEMINFO", meminfo)


@pytest.mark.parametrize("change", [{"disk_gib": 8}, {"memory_mib": 512}])
async def test_a_machine_is_not_stopped_for_a_size_that_there_is_no_room_for(
    change: dict[str, int],
    backend: QemuRuntimeBackend,
    folder: machines.MachineFolder,
    process: processes.Process,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machines, "ROOM_BYTES", 2**60)

    with pytest.raises(errors.FaultError) as caught:
        await backend.resize(ORDER.name, ORDER.identity, replace(SMALL, **change))

    assert caught.value.code == "machine.disk_full"
    assert process.is_alive()
    assert folder.order() == ORDER


@pytest.mark.usefixtures("available")
async def test_a_machine_is_not_stopped_for_a_size_that_there_is_no_memory_for(
    backend: QemuRuntimeBackend, folder: machines.MachineFolder, process: processes.Process
) -> None:
    with pytest.raises(errors.FaultError) as caught:
        await backend.resize(ORDER.name, ORDER.identity, replace(SMALL, memory_mib=512))

    assert caught.value.code == "machine.memory_full"
    assert caught.value.message == (
        "this host has 255 MiB of memory available, and fdv-machine-1 needs 256 MiB more for "
        "1 CPU, 512 MiB memory, 4 GiB disk; nothing was changed. Free some, see: free -m; or "
        "choose what needs less"
    )
    assert process.is_alive()
    assert folder.order() == ORDER


@pytest.mark.usefixtures("available", "folder")
async def test_a_machine_that_stands_still_needs_all_of_its_memory_anew(
    backend: QemuRuntimeBackend,
) -> None:
    with pytest.raises(errors.FaultError, match=r"255 MiB .* needs 320 MiB more"):
        await backend.resize(ORDER.name, ORDER.identity, replace(SMALL, memory_mib=320))


@pytest.mark.usefixtures("available")
async def test_what_the_host_has_is_given(
    backend: QemuRuntimeBackend, folder: machines.MachineFolder
) -> None:
    size = replace(SMALL, memory_mib=255)

    await backend.resize(ORDER.name, ORDER.identity, size)

    assert folder.order() == replace(ORDER, size=size)
    assert folder.former_size() == SMALL


def test_this_host_tells_how_much_memory_it_has() -> None:
    assert memory.available_mib() > 0
