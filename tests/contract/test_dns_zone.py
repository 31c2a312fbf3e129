"""What provisioner may rely on in every zone: the one in memory and the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from services.provisioner.adapters.front import FrontDnsZone
from services.provisioner.adapters.manual import ManualDnsZone
from services.provisioner.domain import Address
from shared import errors, http
from shared.contracts.deployments import Endpoint
from shared.embedded.servers import front
from tests.support.fakes.dns_zone import FakeDnsZone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from services.provisioner.ports import DnsZone

TOKEN = SecretStr("a-token-for-tests")
PLAIN = Address(plain=Endpoint(host="127.0.0.1", port=8000))
BOTH = Address(
    plain=Endpoint(host="127.0.0.1", port=8000), tls=Endpoint(host="127.0.0.1", port=8443)
)


@pytest.fixture(params=["fake", "front", "manual"])
async def zone(request: pytest.FixtureRequest, data_directory: Path) -> AsyncIterator[DnsZone]:
    if request.param == "fake":
        yield FakeDnsZone()
        return
    if request.param == "manual":
        yield ManualDnsZone()
        return
    headers = {"Authorization": f"Bearer {TOKEN.get_secret_value()}"}
    async with (
        front.running(data_directory, token=TOKEN) as server,
        http.client(base_url=server.api, headers=headers) as client,
    ):
        yield FrontDnsZone(client)


async def test_a_name_that_was_never_published_leads_nowhere(zone: DnsZone) -> None:
    assert await zone.find("hello.garden.localhost") is None


@pytest.mark.parametrize("address", [PLAIN, BOTH])
async def test_a_published_name_leads_to_its_address(zone: DnsZone, address: Address) -> None:
    await zone.publish("hello.garden.localhost", address)

    assert await zone.find("hello.garden.localhost") == address


async def test_publishing_again_moves_the_name(zone: DnsZone) -> None:
    await zone.publish("hello.garden.localhost", PLAIN)
    await zone.publish("hello.garden.localhost", BOTH)

    assert await zone.find("hello.garden.localhost") == BOTH


async def test_a_withdrawn_name_leads_nowhere_and_others_stay(zone: DnsZone) -> None:
    await zone.publish("hello.garden.localhost", PLAIN)
    await zone.publish("hello.meadow.localhost", PLAIN)

    await zone.withdraw("hello.garden.localhost")
    await zone.withdraw("hello.garden.localhost")

    assert await zone.find("hello.garden.localhost") is None
    assert await zone.find("hello.meadow.localhost") == PLAIN


async def test_a_front_that_is_away_is_unavailable(data_directory: Path) -> None:
    async with front.running(data_directory, token=TOKEN) as server:
        pass

    async with http.client(base_url=server.api) as client:
        with pytest.raises(errors.UnavailableError):
            await FrontDnsZone(client).publish("hello.garden.localhost", PLAIN)


async def test_a_wrong_token_is_named(data_directory: Path) -> None:
    async with (
        front.running(data_directory, token=TOKEN) as server,
        http.client(base_url=server.api, headers={"Authorization": "Bearer wrong"}) as client,
    ):
        with pytest.raises(errors.FaultError) as caught:
            await FrontDnsZone(client).publish("hello.garden.localhost", PLAIN)

    assert "token_file" in caught.value.message
