"""Machines in memory, which keep to the same contract as the real ones."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from typing_extensions import override

from services.provisioner.ports import FoundMachine, Image, Power, RuntimeBackend
from shared import errors
from shared.contracts.deployments import Doors, Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from services.provisioner.domain import Door, Size
    from services.provisioner.ports import MachineOrder


@dataclass(slots=True)
class FakeRuntimeBackend(RuntimeBackend):
    """Machines that start at once, and die when a test says so."""

    machines: dict[str, FoundMachine] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    """Every start of a process, by name."""
    images: list[Image] = field(default_factory=list)
    """Every image that was built."""
    dropped: int = 0
    """So many images are gone when a machine is to be made from them."""
    taken: set[Endpoint] = field(default_factory=set)
    """Where something else listens."""
    hidden: set[Endpoint] = field(default_factory=set)
    """Where something else begins to listen at the moment of a start."""
    is_full: bool = False
    """The host has no room for another machine, or for a larger one."""
    has_memory: bool = True
    """The host has memory available for larger machines."""
    most_memory_mib: int = 2**20
    """No machine starts with more memory than that."""
    former: dict[str, Size] = field(default_factory=dict)
    """The sizes with which machines ran that have not been started with another since."""
    is_rigid: bool = False
    """A machine that is stopped for another size does not get it."""
    unanswered: int = 0
    """So many machines that start do not answer."""
    delays: dict[str, float] = field(default_factory=dict)
    """How long machines take until they answer, by name."""
    answered: list[str] = field(default_factory=list)
    """Every machine that was seen to answer."""
    ways_out: Doors = field(
        default_factory=lambda: Doors(s3=Endpoint(host="10.0.2.100", port=3900))
    )
    """The doors that a machine has from its next start on."""
    broken: set[str] = field(default_factory=set)
    """Machines at which a driver makes a mistake."""

    @override
    def doors(self) -> Doors:
        return self.ways_out

    @override
    async def is_free(self, endpoint: Endpoint) -> bool:
        running = (it for it in self.machines.values() if it.power is Power.RUNNING)
        return endpoint not in self.taken | {at for it in running for at in it.addresses.values()}

    @override
    async def ensure_image(self, packages: Sequence[str]) -> Image:
        wanted = tuple(sorted({*packages}))
        image = Image(key=hashlib.sha256(repr(wanted).encode()).hexdigest(), packages=wanted)
        if image not in self.images:
            self.images.append(image)
        return image

    @override
    async def list_machines(self) -> Sequence[FoundMachine]:
        return [self.machines[name] for name in sorted(self.machines)]

    @override
    async def find(self, name: str) -> FoundMachine | None:
        if name in self.broken:
            raise RuntimeError("the driver is broken")
        found = self.machines.get(name)
        if found is None:
            return None
        if found.power is Power.STOPPED:
            return replace(found, doors=self.ways_out)
        return replace(found, is_outdated=found.doors != self.ways_out)

    @override
    async def create(self, order: MachineOrder) -> FoundMachine:
        if order.name in self.machines:
            raise errors.ConflictError("machine.exists")
        if self.is_full:
            raise errors.FaultError("machine.disk_full", "free some space, see: df -h")
        if order.image not in self.images or self.dropped:
            self.dropped = max(0, self.dropped - 1)
            raise errors.NotFoundError("machine.image_gone")
        found = FoundMachine(
            name=order.name,
            identity=order.identity,
            power=Power.STOPPED,
            image=order.image,
            size=order.size,
            addresses=order.addresses,
            doors=self.ways_out,
            host_public_key=f"ssh-ed25519 {hashlib.sha256(order.identity.encode()).hexdigest()}",
        )
        self.machines[order.name] = found
        return found

    @override
    async def resize(self, name: str, identity: str, size: Size) -> None:
        machine = self._mine(name, identity)
        if self.is_full:
            raise errors.FaultError("machine.disk_full", "free some space, see: df -h")
        if not self.has_memory:
            raise errors.FaultError("machine.memory_full", "nothing was changed, see: free -m")
        await self.stop(name, identity)
        if self.is_rigid:
            raise errors.CommandError(("qemu-img", "resize"), 1, "it did not")
        self.former.setdefault(name, machine.size)
        self.machines[name] = replace(machine, size=size, power=Power.STOPPED)

    @override
    async def start(self, name: str, identity: str) -> None:
        machine = self._mine(name, identity)
        if machine.power is Power.RUNNING:
            return
        for endpoint in machine.addresses.values():
            await self._listen(endpoint)
        former = self.former.pop(name, machine.size)
        has_memory = machine.size.memory_mib <= self.most_memory_mib
        size = machine.size if has_memory else replace(former, disk_gib=machine.size.disk_gib)
        if size.memory_mib <= self.most_memory_mib:
            self.starts.append(name)
            self.machines[name] = replace(
                machine, power=Power.RUNNING, doors=self.ways_out, size=size
            )
        if not has_memory:
            raise errors.FaultError("machine.memory_full", f"{name} runs as before: free -m")

    @override
    async def forward(self, name: str, identity: str, addresses: Mapping[int, Endpoint]) -> None:
        machine = self._mine(name, identity)
        if machine.power is Power.RUNNING:
            for endpoint in {*addresses.values()} - {*machine.addresses.values()}:
                await self._listen(endpoint)
        self.machines[name] = replace(machine, addresses=addresses)

    @override
    async def open_doors(self, name: str, identity: str, doors: AbstractSet[Door]) -> None:
        machine = self._mine(name, identity)
        self.machines[name] = replace(machine, open_doors=frozenset(doors))

    @override
    async def reach(self, name: str, identity: str) -> None:
        machine = self._mine(name, identity)
        if self.unanswered:
            self.unanswered -= 1
            raise errors.UnavailableError("machine.not_reachable")
        if machine.power is Power.STOPPED:
            raise errors.UnavailableError("machine.unreachable")
        await asyncio.sleep(self.delays.get(name, 0.0))
        self.answered.append(name)

    @override
    async def stop(self, name: str, identity: str) -> None:
        self.machines[name] = replace(self._mine(name, identity), power=Power.STOPPED)

    @override
    async def remove(self, name: str, identity: str) -> None:
        if name in self.machines:
            self._mine(name, identity)
            del self.machines[name]

    def kill(self, name: str) -> None:
        """End a machine's process as a crash would."""
        self.machines[name] = replace(self.machines[name], power=Power.STOPPED)

    async def _listen(self, endpoint: Endpoint) -> None:
        if endpoint in self.hidden:
            self.taken.add(endpoint)
        if not await self.is_free(endpoint):
            raise errors.ConflictError(
                "machine.port_taken", f"something else listens at {endpoint}; see: ss -ltnp"
            )

    def _mine(self, name: str, identity: str) -> FoundMachine:
        machine = self.machines.get(name)
        if machine is None:
            raise errors.NotFoundError("machine.not_found")
        if machine.identity != identity:
            raise errors.ConflictError("machine.other_identity")
        return machine
