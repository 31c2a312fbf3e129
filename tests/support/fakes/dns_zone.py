"""A zone in memory, which keeps to the same contract as the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.provisioner.ports import DnsZone, Zones
from shared import errors

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from services.provisioner.domain import Address


@dataclass(slots=True)
class FakeDnsZone(DnsZone):
    """Names and where they lead."""

    records: dict[str, Address] = field(default_factory=dict)
    writes: int = 0
    is_away: bool = False
    finds: list[str] = field(default_factory=list)
    """Every name that was looked for."""
    answers: dict[str, asyncio.Event] = field(default_factory=dict)
    """Whoever looks for one of these names waits until its event is set."""

    @override
    async def publish(self, host: str, address: Address) -> None:
        self._check()
        self.writes += 1
        self.records[host] = address

    @override
    async def withdraw(self, host: str) -> None:
        self._check()
        self.records.pop(host, None)

    @override
    async def find(self, host: str) -> Address | None:
        self._check()
        self.finds.append(host)
        if host in self.answers:
            await self.answers[host].wait()
        return self.records.get(host)

    def _check(self) -> None:
        if self.is_away:
            raise errors.UnavailableError("record.unavailable")


@dataclass(frozen=True, slots=True)
class FakeZones(Zones):
    """One zone that holds every name with its suffix."""

    zone: FakeDnsZone
    suffix: str = ".localhost"

    @override
    def check(self, hosts: Sequence[str]) -> None:
        for host in hosts:
            self.of(host)

    @override
    def of(self, host: str) -> DnsZone:
        if not host.endswith(self.suffix):
            raise errors.NotFoundError("provider.no_zone", f"names end in {self.suffix}")
        return self.zone
