"""Locks of deployments and runs: writers wait for each other, and never in a circle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.panel.adapters.postgres_deployments import PostgresDeploymentRegister
from services.panel.adapters.postgres_runs import PostgresRunRegister
from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def test_progress_of_a_run_is_written_while_its_deployment_is_locked(
    panel: PanelRig,
) -> None:
    # The second write of a row in one transaction checks its foreign keys again, so it needs the
    # deployment: once a circle, when the deployment's holder waited for the run.
    async with panel.operator() as client, panel.database() as database:
        deployment = await rigs.create(client, title="Locked")
        run = await rigs.deploy(client, deployment["id"])
        async with database.transaction() as ending, database.transaction() as progress:
            await PostgresDeploymentRegister().lock(ending, deployment["id"])
            await PostgresRunRegister().lock(progress, run["id"])
            for _ in range(2):
                change = "update runs set sequence = sequence + 1 where id = $1"
                await asyncio.wait_for(progress.execute(change, run["id"]), rigs.SOON)
