"""What was removed leaves no secret behind, sealed or not, wherever deployer kept one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import ids
from shared.contracts.deployer import ConfigDeployed, StateExported, StateImported, SystemRemoved
from shared.contracts.panel import DeploymentRemovalRequested
from shared.contracts.state import Staging
from shared.contracts.storage import StateExportRequested, StateImportRequested
from tests.integration.deployer.conftest import World, a_deployer
from tests.integration.deployer.in_memory import remembered
from tests.support.deployments import a_bucket, a_machine
from tests.support.fakes.health_probe import FakeHealthProbe
from tests.support.fakes.host import FakeHost, FakeHosts
from tests.support.fakes.system_builder import FakeSystemBuilder

if TYPE_CHECKING:
    from shared.contracts.messages import RunEvent
    from shared.database import Database
    from shared.sealing import Sealer


async def told(world: World, event: RunEvent) -> str:
    """Let deployer hear an event; return what its run ends with, once that is on its way."""
    async with world.database.transaction() as tx:
        await world.deployer.routes()[type(event)](event, tx)
    row = await world.end_of(event.run)
    async with world.database.transaction() as tx:
        # As the relay does: what the bus has is not deployer's any more.
        await tx.execute("delete from outbox")
    return f"{row['type']} {row['payload'].decode()}"


async def kept(world: World, *sealed: str) -> list[str]:
    """Return which of these deployer still has, in whichever column."""
    rows = "\n".join(await remembered(world.database))
    return [it for it in sealed if it in rows]


async def test_a_removal_forgets_the_secrets_of_exports_and_imports(
    database: Database, sealer: Sealer
) -> None:
    hosts, machine = FakeHosts(), a_machine(applications=("shelf",))
    deployer = a_deployer(database, hosts, FakeSystemBuilder(), FakeHealthProbe(), sealer)
    world = World(database=database, deployer=deployer, machine=machine)
    hosts.at(machine).state["shelf"] = "books"
    key = sealer.seal("deployer", "the key of the bucket")
    staging = Staging(granted=a_bucket(sealed=key), prefixes={"shelf": "state/shelf"})
    about = {"deployment": world.deployment, "revision": 1, "export": ids.new_id()}

    def export() -> StateExportRequested:
        asked = {"applications": ("shelf",), "staging": staging, "recipient": "deployer"}
        return StateExportRequested(**about, **asked, run=ids.new_id())

    async with world.working():
        row = await world.end_of(await world.ask("shelf"))
        assert row["type"] == ConfigDeployed.event_type(), row["payload"]
        kind, _, payload = (await told(world, export())).partition(" ")
        assert kind == StateExported.event_type(), payload
        [saved] = StateExported.model_validate_json(payload).applications
        sealed = (saved.sealed_password, saved.secrets[0].sealed, key)
        after_export = await kept(world, *sealed)

        wanted = StateImportRequested(
            **about, run=ids.new_id(), applications=(saved,), staging=staging
        )
        assert (await told(world, wanted)).startswith(StateImported.event_type())
        after_import = await kept(world, *sealed)

        await left_by_a_crash(world, export())
        removal = DeploymentRemovalRequested(
            deployment=world.deployment, run=ids.new_id(), operator=ids.new_id()
        )
        assert (await told(world, removal)).startswith(SystemRemoved.event_type())

    assert (after_export, after_import) == ([], [])
    assert await kept(world, key) == []


async def left_by_a_crash(world: World, event: StateExportRequested) -> None:
    """Let deployer hear of an export that a removal overtakes before it ends."""
    host = world.deployer.hosts.at(world.machine)
    assert isinstance(host, FakeHost)
    host.is_away = True
    async with world.database.transaction() as tx:
        await world.deployer.routes()[StateExportRequested](event, tx)
    assert await kept(world, event.staging.granted.sealed_secret_key)
