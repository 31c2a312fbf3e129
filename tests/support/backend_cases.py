"""Runtime backends under test, the one in memory and QEMU, and what the world does to them."""

from __future__ import annotations

import resource
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pytest

from services.provisioner.adapters.qemu import memory
from services.provisioner.adapters.qemu.machines import MachineFolder
from services.provisioner.domain import Size
from tests.support.fakes.runtime_backend import FakeRuntimeBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from services.provisioner.adapters.qemu import QemuRuntimeBackend
    from services.provisioner.ports import MachineOrder, RuntimeBackend
    from shared.contracts.deployments import Endpoint

SMALL = Size(cpus=1, memory_mib=192, disk_gib=3)
HUGE = Size(cpus=1, memory_mib=8192, disk_gib=5)
_MOST_MEMORY_MIB = 6144
"""More than this process and a small machine take, and less than a huge one."""


class Case(Protocol):
    """A backend under test, and ways to do to it what the world does."""

    @property
    def backend(self) -> RuntimeBackend: ...

    async def kill(self, order: MachineOrder) -> None: ...

    def process(self, order: MachineOrder) -> object: ...

    def occupied(self, endpoint: Endpoint) -> AbstractContextManager[None]: ...

    def available(self, mib: int) -> AbstractContextManager[None]:
        """Let the host have so much memory available."""
        ...

    def limited(self) -> AbstractContextManager[None]:
        """Let the host give nobody as much memory as a huge machine needs."""
        ...


@dataclass
class InMemory:
    backend: FakeRuntimeBackend = field(default_factory=FakeRuntimeBackend)

    async def kill(self, order: MachineOrder) -> None:
        self.backend.kill(order.name)

    def process(self, order: MachineOrder) -> object:
        return self.backend.starts.count(order.name)

    @contextmanager
    def occupied(self, endpoint: Endpoint) -> Iterator[None]:
        self.backend.taken.add(endpoint)
        yield
        self.backend.taken.remove(endpoint)

    @contextmanager
    def available(self, mib: int) -> Iterator[None]:
        self.backend.has_memory = mib > HUGE.memory_mib
        yield
        self.backend.has_memory = True

    @contextmanager
    def limited(self) -> Iterator[None]:
        self.backend.most_memory_mib = _MOST_MEMORY_MIB
        yield


@dataclass
class Qemu:
    backend: QemuRuntimeBackend

    async def kill(self, order: MachineOrder) -> None:
        process = self._folder(order).process(order.identity)
        assert process is not None
        await process.end()

    def process(self, order: MachineOrder) -> object:
        return self._folder(order).process(order.identity)

    @contextmanager
    def occupied(self, endpoint: Endpoint) -> Iterator[None]:
        with socket.create_server((endpoint.host, endpoint.port)):
            yield

    @contextmanager
    def available(self, mib: int) -> Iterator[None]:
        meminfo = self.backend.directory.with_name("meminfo")
        meminfo.write_text(f"MemTotal: {2**30} kB\nMemAvailable: {mib * 1024} kB\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(memory, "MEMINFO", meminfo)
            yield

    @contextmanager
    def limited(self) -> Iterator[None]:
        # Programs that are started here inherit it.
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_MIB * 2**20, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

    def _folder(self, order: MachineOrder) -> MachineFolder:
        return MachineFolder(self.backend.directory / order.name)
