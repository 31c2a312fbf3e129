"""Real machines for tests: started by provisioner's own adapter, gone when the test is over."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.provisioner.adapters.qemu.machines import MachineFolder
from services.provisioner.domain import SSH_PORT, Size
from services.provisioner.ports import MachineOrder
from shared import errors, ids
from shared.contracts.deployments import Endpoint, GrantedMachine, SecureShell
from shared.embedded.ports import LOOPBACK, free
from tests.support.backends import PACKAGES, hosting
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from services.provisioner.adapters.qemu import QemuRuntimeBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A machine that runs."""

    backend: QemuRuntimeBackend
    order: MachineOrder
    granted: GrantedMachine
    key_file: Path

    async def kill(self) -> None:
        """End its process as a power cut would."""
        folder = MachineFolder(self.backend.directory / self.order.name)
        process = folder.process(self.order.identity)
        assert process is not None
        await process.end()

    async def start(self) -> None:
        """Boot it again, on the same disk and ports, once the kernel has closed the ports."""
        await eventually(self._has_started, within=10)
        await self.backend.reach(self.order.name, self.order.identity)

    async def _has_started(self) -> bool:
        try:
            await self.backend.start(self.order.name, self.order.identity)
        except errors.ConflictError:
            return False
        return True

    async def boot_again(self) -> None:
        await self.kill()
        await self.start()


@asynccontextmanager
async def running(
    directory: Path, *, applications: Sequence[str], s3: Endpoint | None = None
) -> AsyncIterator[Guest]:
    """Yield a machine with the empty system."""
    async with hosting(directory, s3=s3) as backend:
        order = MachineOrder(
            name=ids.machine_name(ids.new_id(), 1),
            identity=str(uuid.uuid4()),
            image=await backend.ensure_image(PACKAGES),
            size=Size(cpus=1, memory_mib=256, disk_gib=4),
            addresses={it: Endpoint(host=LOOPBACK, port=free()) for it in (SSH_PORT, 80)},
        )
        found = await backend.create(order)
        await backend.start(order.name, order.identity)
        await backend.reach(order.name, order.identity)
        granted = GrantedMachine(
            machine=order.name,
            applications=tuple(applications),
            ssh=SecureShell(
                **order.addresses[SSH_PORT].model_dump(), host_public_key=found.host_public_key
            ),
            http=order.addresses[80],
            guest=backend.doors(),
        )
        yield Guest(backend=backend, order=order, granted=granted, key_file=directory / "key")
