"""The provisioner as a process, alone with the bus, its database, QEMU, an edge and a front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.provisioner.ports import Power
from shared.contracts.provisioner import RoutePublished, VMReady, VMRemoved
from tests.integration.provisioner.process import running_provisioner
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.postgres import Access
    from tests.integration.provisioner.process import World


@pytest.fixture
async def world(postgres: Access) -> AsyncIterator[World]:
    async with running_provisioner(postgres) as found:
        yield found


async def test_a_deployment_comes_and_goes(world: World) -> None:
    run = await world.request()
    ready = await world.answer(run, VMReady)
    await world.deployed(run)
    published = await world.answer(run, RoutePublished)

    [machine], [route] = ready.machines, published.routes
    assert route.url == f"http://{world.host}:18080"
    assert await world.zone.find(world.host) is not None
    routes = {it.host: it.upstream for it in await world.edge.routes()}
    assert list(routes) == ["panel.test.localhost", world.host]
    assert routes[world.host] == machine.http

    removed = await world.answer(await world.remove(), VMRemoved)

    assert removed.machines == (machine.machine,)
    assert list(await world.backend.list_machines()) == []
    assert not any(world.backend.directory.glob("*"))
    assert await world.zone.find(world.host) is None
    assert [it.host for it in await world.edge.routes()] == ["panel.test.localhost"]


@pytest.mark.parametrize("step", ["image", "machine", "boot"])
async def test_a_run_goes_on_where_its_provisioner_was_killed(world: World, step: str) -> None:
    world.process.pause_before(step)
    await world.process.restart()
    run = await world.request()
    await world.until_at(step)

    await world.process.kill()
    world.process.pause_before()
    await world.process.start()

    ready = await world.answer(run, VMReady)
    assert await world.said(VMReady) == 1
    [machine] = await world.backend.list_machines()
    assert (machine.name, machine.power) == (ready.machines[0].machine, Power.RUNNING)


async def test_machines_stop_with_the_host_and_start_with_the_provisioner(world: World) -> None:
    ready = await world.answer(await world.request(), VMReady)
    await world.process.kill()
    [machine] = await world.backend.list_machines()
    assert machine.power is Power.RUNNING

    await world.process.once("stop-machines")

    [machine] = await world.backend.list_machines()
    assert machine.power is Power.STOPPED
    await world.process.start()

    async def runs() -> bool:
        [found] = await world.backend.list_machines()
        return found.power is Power.RUNNING

    await eventually(runs, within=30)
    [machine] = await world.backend.list_machines()
    found = ready.machines[0]
    assert [it.port for it in machine.addresses.values()] == [found.ssh.port, found.http.port]
