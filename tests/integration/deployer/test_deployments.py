"""A deployment's life on a real machine: deployed, changed, refused, rebooted, cut off, removed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx2

from shared import http, ids
from shared.contracts.deployer import SystemRemoved
from shared.contracts.panel import DeploymentRemovalRequested
from tests.integration.deployer.conftest import REAL_TIMING, SOON
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from typing import Any

    from shared.contracts.deployments import Options
    from tests.integration.deployer.conftest import World
    from tests.support.guests import Guest

TABLES = ["facts", "generations", "epochs", "deployments", "application_secrets", "watches"]
STEPS = ["build", "copy", "secrets", "switch", "health"]


async def page(world: World, path: str = "/index.html") -> str:
    """Return what the machine's web server answers."""
    async with http.client(timeout_seconds=5) as client:
        try:
            answer = await client.get(f"http://{world.machine.http}{path}")
        except httpx2.HTTPError:
            return ""
    return answer.text.strip() if answer.is_success else ""


async def deployed(world: World, options: Options | None = None) -> dict[str, Any]:
    row = await world.end_of(await world.ask("moody", options=options))
    payload: dict[str, Any] = json.loads(row["payload"])
    return payload


async def test_a_configuration_is_deployed_then_changed_then_unchanged(world: World) -> None:
    async with world.working():
        first = await deployed(world, {"greeting": "good morning"})
        assert first["changed"]
        assert await page(world) == "good morning"
        assert (await page(world, "/who.txt")).startswith("app-moody")

        second = await deployed(world, {"greeting": "good evening"})
        assert second["changed"]
        assert await page(world) == "good evening"
        assert second["systems"][0]["generation"] > first["systems"][0]["generation"]

        third = await deployed(world, {"greeting": "good evening"})
        assert third["changed"] is False
        assert third["systems"] == second["systems"]
    steps = [it.step for it in world.progress if it.state == "succeeded"]
    assert steps == STEPS * 3


async def test_a_configuration_that_does_not_become_healthy_is_taken_back(world: World) -> None:
    async with world.working():
        await deployed(world, {"greeting": "healthy"})
        failed = await deployed(world, {"mood": "sick"})

        assert failed["outcome"] == "rolled_back"
        assert failed["stage"] == "health"
        waited = f"{REAL_TIMING.health:g} s"
        reason = f"moody did not become healthy within {waited}: status 404"
        assert reason in failed["failure"]["message"]
        await eventually(lambda: _says(world, "healthy"), within=SOON)
        assert await page(world, "/health.txt") == "ok"


async def test_a_configuration_that_cannot_start_is_taken_back_at_the_switch(world: World) -> None:
    async with world.working():
        await deployed(world, {"greeting": "steady"})
        failed = await deployed(world, {"mood": "broken"})

        assert failed["outcome"] == "rolled_back"
        assert failed["stage"] == "switch"
        await eventually(lambda: _says(world, "steady"), within=SOON)


async def test_after_a_power_cut_the_application_comes_back_by_itself(
    world: World, guest: Guest
) -> None:
    async with world.working():
        await deployed(world, {"greeting": "still here"})
        await guest.boot_again()

        await eventually(lambda: _says(world, "still here"), within=SOON)


async def test_a_power_cut_in_the_deploy_of_what_runs_already_is_got_over(
    world: World, guest: Guest
) -> None:
    async with world.working():
        await deployed(world, {"greeting": "the same"})
    world.progress.clear()
    async with world.working(held="health"):
        run = await world.ask("moody", options={"greeting": "the same"})
        await eventually(lambda: any(it.step == "health" for it in world.progress), within=SOON)
        await guest.kill()
        world.gate.set()
        await guest.start()

        assert json.loads((await world.end_of(run))["payload"])["changed"] is False
        assert await page(world) == "the same"
    steps = [it.step for it in world.progress if it.state == "succeeded"]
    assert steps == ["build", "copy", "secrets", "switch", "copy", "secrets", "switch", "health"]


async def test_a_power_cut_in_an_unconfirmed_switch_brings_the_old_system_back(
    world: World, guest: Guest
) -> None:
    async with world.working():
        await deployed(world, {"greeting": "before"})
        run = await world.ask("moody", options={"mood": "sick", "greeting": "between"})
        await eventually(lambda: _says(world, "between"), within=SOON)
        await guest.kill()
        await guest.start()

        failed = json.loads((await world.end_of(run))["payload"])
        assert failed["outcome"] == "rolled_back"
        await eventually(lambda: _says(world, "before"), within=SOON)


async def test_a_run_whose_worker_was_killed_goes_on_in_another(world: World) -> None:
    async with world.working():
        run = await world.ask("moody", options={"greeting": "twice"})
        await eventually(
            lambda: any(it.step == "switch" and it.state == "running" for it in world.progress),
            within=SOON,
        )
        await asyncio.sleep(0.1)
    async with world.working():
        end = await world.end_of(run)

        assert json.loads(end["payload"])["changed"]
        assert await page(world) == "twice"


async def test_a_removed_deployment_leaves_nothing_behind(world: World) -> None:
    async with world.working():
        await deployed(world, {"greeting": "farewell"})
        run = ids.new_id()
        async with world.database.transaction() as tx:
            event = DeploymentRemovalRequested(
                deployment=world.deployment, run=run, operator=ids.new_id()
            )
            await world.deployer.on_removal_requested(event, tx)
        row = await world.end_of(run)

        assert row["type"] == SystemRemoved.event_type()
        assert await page(world) == ""
        async with world.database.transaction() as tx:
            for table in TABLES:
                assert await tx.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 - our own names


async def _says(world: World, text: str) -> bool:
    return await page(world) == text
