"""Run deployer on machines in memory, in a process of its own, for all that it writes and logs.

Reads where its database is from standard input, and answers with the values that it placed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shared import database as databases
from shared import ids, telemetry
from shared.contracts.panel import DeploymentRemovalRequested
from shared.settings import PostgresSettings, TelemetrySettings
from tests.integration.deployer.conftest import World, a_deployer, a_sealer
from tests.support.deployments import a_machine
from tests.support.eventually import eventually
from tests.support.fakes.health_probe import FakeHealthProbe
from tests.support.fakes.host import FakeHosts
from tests.support.fakes.system_builder import FakeSystemBuilder

HOST = "diary.garden.example"


async def remembered(database: databases.Database) -> list[str]:
    """Return every row of every table, events that wait to be sent among them."""
    async with database.transaction() as tx:
        await tx.execute("set local bytea_output = escape")
        tables = await tx.fetch("select tablename from pg_tables where schemaname = 'public'")
        rows = [
            await tx.fetch(f'select whole::text as text from "{it["tablename"]}" whole')  # noqa: S608 - PostgreSQL's own names
            for it in tables
        ]
    return [row["text"] for found in rows for row in found]


async def live(world: World, hosts: FakeHosts, probe: FakeHealthProbe) -> dict[str, Any]:
    """Fail, deploy, boot again and be removed; return what was placed and told meanwhile."""
    host = hosts.at(world.machine)
    async with world.working():
        probe.ailments[HOST] = "status 503: the diary is closed"
        await world.end_of(await world.ask("diary"))
        probe.ailments.clear()
        await world.end_of(await world.ask("diary"))
        placed = host.secrets[host.system]["diary"]
        host.boot_again()

        async def is_back() -> bool:
            return host.system in host.secrets

        await eventually(is_back, within=30)
        assert host.secrets[host.system]["diary"] == placed
        before = await remembered(world.database)
        run = ids.new_id()
        async with world.database.transaction() as tx:
            event = DeploymentRemovalRequested(
                deployment=world.deployment, run=run, operator=ids.new_id()
            )
            await world.deployer.on_removal_requested(event, tx)
        await world.end_of(run)
    return {
        "values": {name: value.decode() for name, value in placed.items()},
        "rows": before + await remembered(world.database),
        "progress": [it.model_dump(mode="json") for it in world.progress],
    }


async def main() -> None:
    """Do all that with the database and the folder for traces that standard input names."""
    told = json.load(sys.stdin)
    telemetry.start(
        "deployer", TelemetrySettings(directory=Path(told["directory"]), log_level="debug")
    )
    settings = PostgresSettings(**told["database"])
    password = SecretStr(told["password"])
    schemas = ("shared", "services.deployer")
    async with databases.connect(settings, password, schemas=schemas) as database:
        hosts, probe = FakeHosts(), FakeHealthProbe()
        deployer = a_deployer(database, hosts, FakeSystemBuilder(), probe, a_sealer())
        world = World(
            database=database, deployer=deployer, machine=a_machine(applications=("diary",))
        )
        sys.stdout.write(json.dumps(await live(world, hosts, probe)))


if __name__ == "__main__":
    asyncio.run(main())
