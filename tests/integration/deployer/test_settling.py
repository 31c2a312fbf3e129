"""An import that was begun and never settled, on a real database and machines in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from services.deployer.domain import Import
from shared import ids
from shared.contracts.deployer import ApplicationResumed, ConfigDeployed
from shared.contracts.panel import RestartRequested
from tests.integration.deployer.conftest import World, a_deployer
from tests.support.deployments import HOST_KEY, a_machine
from tests.support.fakes.health_probe import FakeHealthProbe
from tests.support.fakes.host import EMPTY, FakeHost, FakeHosts
from tests.support.fakes.system_builder import FakeSystemBuilder

if TYPE_CHECKING:
    from shared.database import Database
    from shared.sealing import Sealer

OTHER_KEY = HOST_KEY[:-4] + "AAAA"


@pytest.fixture
def world(database: Database, sealer: Sealer) -> World:
    hosts, probe = FakeHosts(), FakeHealthProbe()
    deployer = a_deployer(database, hosts, FakeSystemBuilder(), probe, sealer)
    return World(database=database, deployer=deployer, machine=a_machine(applications=("shelf",)))


def host_of(world: World) -> FakeHost:
    return cast("FakeHosts", world.deployer.hosts).at(world.machine)


async def half_restored(world: World) -> None:
    """Deploy a shelf and leave it on half of an import."""
    row = await world.end_of(await world.ask("shelf"))
    assert row["type"] == ConfigDeployed.event_type(), row["payload"]
    begun = Import(export=ids.new_id(), run=ids.new_id(), applications=("shelf",))
    await world.deployer.transfers.begin(world.deployment, begun)
    host = host_of(world)
    host.aside["shelf"] = (begun.export, "books of now", False)
    host.state["shelf"] = "half of something"


async def test_a_restart_takes_half_of_an_import_back_first(world: World) -> None:
    async with world.working():
        await half_restored(world)
        event = RestartRequested(
            deployment=world.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        async with world.database.transaction() as tx:
            await world.deployer.on_restart_requested(event, tx)
        row = await world.end_of(event.run)

    assert row["type"] == ApplicationResumed.event_type(), row["payload"]
    assert host_of(world).state == {"shelf": "books of now"}
    assert await world.deployer.transfers.unsettled(world.deployment) is None


async def test_a_machine_that_was_made_anew_can_be_deployed_to(world: World) -> None:
    async with world.working():
        await half_restored(world)
        ssh = world.machine.ssh.model_copy(update={"host_public_key": OTHER_KEY})
        world.machine = world.machine.model_copy(update={"ssh": ssh})
        fresh = FakeHost(host_key=OTHER_KEY)
        cast("FakeHosts", world.deployer.hosts).known[world.machine.machine] = fresh

        row = await world.end_of(await world.ask("shelf"))

    assert row["type"] == ConfigDeployed.event_type(), row["payload"]
    assert fresh.system != EMPTY
    assert await world.deployer.transfers.unsettled(world.deployment) is None
