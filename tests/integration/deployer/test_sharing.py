"""Two applications on one real machine: each answers at its own address, and leaves alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2

from shared import http
from shared.contracts.deployments import Endpoint
from shared.embedded.ports import LOOPBACK, free
from tests.integration.deployer.conftest import PORTS

if TYPE_CHECKING:
    from tests.integration.deployer.conftest import World
    from tests.support.guests import Guest


async def page(endpoint: Endpoint, path: str) -> str:
    async with http.client(timeout_seconds=5) as client:
        try:
            answer = await client.get(f"http://{endpoint}{path}")
        except httpx2.HTTPError:
            return ""
    return answer.text.strip() if answer.is_success else ""


async def deployed(world: World, *applications: str) -> dict[str, Any]:
    row = await world.end_of(await world.ask(*applications, options={"greeting": "good day"}))
    payload: dict[str, Any] = json.loads(row["payload"])
    return payload


async def test_an_application_joins_another_on_its_machine_and_leaves_it_again(
    world: World, guest: Guest
) -> None:
    one, two = world.machine.http, Endpoint(host=LOOPBACK, port=free())
    order = guest.order
    async with world.working():
        assert (await deployed(world, "moody"))["changed"]
        # While it runs, as provisioner does it.
        addresses = {**order.addresses, PORTS[1]: two}
        await guest.backend.forward(order.name, order.identity, addresses)
        world.machine = world.machine.model_copy(update={"endpoints": {"moody": one, "diary": two}})

        assert (await deployed(world, "moody", "diary"))["changed"]
        assert await page(one, "/index.html") == "good day"
        assert len((await page(two, "/secrets.txt")).splitlines()) == 3

        assert (await deployed(world, "moody"))["changed"]
        assert await page(one, "/index.html") == "good day"
        assert await page(two, "/secrets.txt") == ""

    await guest.backend.forward(order.name, order.identity, order.addresses)
    assert await guest.backend.is_free(two)
