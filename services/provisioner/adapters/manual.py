"""`DnsZone` for names that operators publish themselves: nothing is done, and nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from ..ports import DnsZone

if TYPE_CHECKING:
    from ..domain import Address


@dataclass(frozen=True, slots=True)
class ManualDnsZone(DnsZone):
    """Remembers what was asked, so that nobody asks again; panel says what has to be set."""

    _asked: dict[str, Address] = field(default_factory=dict)

    @override
    async def publish(self, host: str, address: Address) -> None:
        self._asked[host] = address

    @override
    async def withdraw(self, host: str) -> None:
        self._asked.pop(host, None)

    @override
    async def find(self, host: str) -> Address | None:
        return self._asked.get(host)
