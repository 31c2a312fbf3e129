"""What QEMU's backend refuses before it touches a machine."""

from __future__ import annotations

import asyncio
import sys
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import Images, QemuRuntimeBackend, machines, processes
from services.provisioner.domain import Size
from services.provisioner.ports import Image, MachineOrder
from shared import errors
from shared.contracts.deployments import Doors, Endpoint

if TYPE_CHECKING:
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


@pytest.mark.parametrize("change", [{"disk_gib": 8}, {"memory_mib": 512}])
async def test_a_machine_is_not_stopped_for_a_size_that_there_is_no_room_for(
    change: dict[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machines, "ROOM_BYTES", 2**60)
    backend = QemuRuntimeBackend(
        directory=tmp_path,
        images=Images(cache=tmp_path, scripts=tmp_path, system=tmp_path),
        ways_out=Doors(),
        public_key=str,
    )
    folder = machines.MachineFolder(tmp_path / ORDER.name)
    folder.path.mkdir()
    folder.record(ORDER)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    process = processes.of(child.pid)
    assert process is not None
    process.write(folder.path / machines.PROCESS)

    with pytest.raises(errors.FaultError) as caught:
        await backend.resize(ORDER.name, ORDER.identity, replace(SMALL, **change))

    assert caught.value.code == "machine.disk_full"
    assert process.is_alive()
    assert folder.order() == ORDER
    await process.end()
    await child.wait()
