"""`DnsZone` for the front of the embedded default, which plays the part of DNS on one computer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
from typing_extensions import override

from shared import errors
from shared.contracts.deployments import Endpoint

from ..domain import Address
from ..ports import DnsZone, Zones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.provider import Provider


@dataclass(frozen=True, slots=True)
class FrontDnsZone(DnsZone):
    """Publishes records through the front's API; it persists them before it answers."""

    client: httpx2.AsyncClient
    """Knows the front's URL and token."""

    @override
    async def publish(self, host: str, address: Address) -> None:
        record = {"address": str(address.plain)}
        if address.tls:
            record["tls_address"] = str(address.tls)
        await self._ask("PUT", f"/records/{host}", record)

    @override
    async def withdraw(self, host: str) -> None:
        await self._ask("DELETE", f"/records/{host}")

    @override
    async def find(self, host: str) -> Address | None:
        records: dict[str, dict[str, str]] = (await self._ask("GET", "/records")).json()
        if host not in records:
            return None
        tls = records[host].get("tls_address")
        return Address(
            plain=_endpoint(records[host]["address"]), tls=_endpoint(tls) if tls else None
        )

    async def _ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:  # noqa: ANN401 - JSON
        try:
            answer = await self.client.request(method, path, json=body)
        except httpx2.TransportError as error:
            raise errors.UnavailableError(
                "record.unavailable", f"the zone's front did not answer: {error!r}"
            ) from error
        if answer.is_server_error:
            raise errors.UnavailableError(
                "record.unavailable", f"the zone's front answered {answer.status_code}"
            )
        if answer.is_error:
            raise errors.FaultError(
                "record.refused",
                f"the zone's front refused {method} {path} with {answer.status_code}: "
                f"{answer.text[:200]}; see endpoint and token_file of the zone",
            )
        return answer


@dataclass(frozen=True, slots=True)
class ProviderZones(Zones):
    """The zones of the provider configuration."""

    provider: Provider
    zones: dict[str, DnsZone]
    """By their names in the provider configuration."""

    @override
    def check(self, hosts: Sequence[str]) -> None:
        for host in hosts:
            self.of(host)

    @override
    def of(self, host: str) -> DnsZone:
        return self.zones[self.provider.zone_for(host).name]


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    return Endpoint(host=host, port=int(port))
