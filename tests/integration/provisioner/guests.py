"""A real machine and the way into it, for tests of what it is."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.provisioner.adapters.qemu import commands
from services.provisioner.adapters.qemu.machines import MachineFolder
from services.provisioner.domain import SSH_PORT, Size
from services.provisioner.ports import MachineOrder
from shared import ids
from shared.contracts.deployments import Endpoint
from shared.embedded.ports import LOOPBACK, free
from tests.support.backends import PACKAGES, hosting
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from services.provisioner.adapters.qemu import QemuRuntimeBackend
    from services.provisioner.domain import Door

SIZE = Size(cpus=1, memory_mib=256, disk_gib=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    backend: QemuRuntimeBackend
    order: MachineOrder
    directory: Path

    @property
    def folder(self) -> MachineFolder:
        return MachineFolder(self.backend.directory / self.order.name)

    async def run(self, command: str, *, host_key: str = "") -> str:
        """Run a command inside, and accept no other host key than the seeded one."""
        known = self.directory / "known_hosts"
        key = host_key or self.folder.host_public_key()
        known.write_text(f"[{LOOPBACK}]:{self.order.addresses[SSH_PORT].port} {key}\n")
        options = {
            "UserKnownHostsFile": str(known),
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        port, own = str(self.order.addresses[SSH_PORT].port), str(self.directory / "key")
        return await commands.run(
            (
                *("ssh", "-F", "/dev/null", "-p", port, "-i", own),
                *words,
                f"root@{LOOPBACK}",
                command,
            )
        )

    async def boot(self) -> None:
        await self.backend.start(self.order.name, self.order.identity)
        await self.backend.reach(self.order.name, self.order.identity)

    async def open_doors(self, *doors: Door) -> None:
        """Open these doors to the world, and close the others."""
        await self.backend.open_doors(self.order.name, self.order.identity, {*doors})

    async def kill(self) -> None:
        """End it as a power cut would."""
        process = self.folder.process(self.order.identity)
        assert process is not None
        await process.end()


@asynccontextmanager
async def running(
    s3: Endpoint | None = None, *, mail: Endpoint | None = None, egress: Endpoint | None = None
) -> AsyncIterator[Guest]:
    """Yield a machine that booted once."""
    with throwaway_directory() as directory:
        async with hosting(directory, s3=s3, mail=mail, egress=egress) as backend:
            order = MachineOrder(
                name=ids.machine_name(ids.new_id(), 1),
                identity=str(uuid.uuid4()),
                image=await backend.ensure_image(PACKAGES),
                size=SIZE,
                addresses={it: Endpoint(host=LOOPBACK, port=free()) for it in (SSH_PORT, 80)},
            )
            await backend.create(order)
            guest = Guest(backend=backend, order=order, directory=directory)
            await guest.boot()
            yield guest
