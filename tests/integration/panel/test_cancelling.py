"""Cancelling: what waits ends at once, what has begun stops after its step, and says the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.panel.domain import advice
from shared.contracts.failures import Outcome
from shared.contracts.panel import CancelRequested
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig


async def cancel(client: httpx2.AsyncClient, run: Json) -> Json:
    return await runs.ask(client, f"/runs/{run['id']}/cancel")


async def test_a_run_that_waits_is_cancelled_at_once_with_what_waits_for_it(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        running = await runs.ask(client, f"/deployments/{deployment['id']}/restart")
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", {})
        safety, restore = asked["runs"]
        ended = await cancel(client, safety)
        again = await cancel(client, safety)
        unbegun = await rigs.get(client, f"/runs/{restore['id']}")
        unmade = await rigs.get(client, f"/backups/{safety['id']}")
        await runs.succeed(panel, client, running["id"])
        stated = await panel.stated(CancelRequested, deployment["id"])

    assert (ended["state"], ended["started_at"]) == ("cancelled", None)
    assert again == ended
    assert unbegun["state"] == "cancelled"
    assert f"run {ended['number']} (backup) had to succeed first" in unbegun["failure"]["why"]
    assert unmade["state"] == "failed"
    assert stated == []


async def test_a_run_that_has_begun_is_cancelled_when_a_service_says_so(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        run = await rigs.deploy(client, deployment["id"])
        stopping = await cancel(client, run)
        again = await cancel(client, run)
        event = await runs.stated(panel, CancelRequested, deployment["id"])
        answer = runs.failure(run, "deployer", Outcome.ROLLED_BACK, code="cancelled")
        await panel.say("deployer", answer)
        ended = await rigs.until_state(client, run["id"], "cancelled")
        found = await rigs.get(client, f"/deployments/{deployment['id']}")
        same = await cancel(client, run)
        retried = await runs.ask(client, f"/runs/{run['id']}/retry")

    assert stopping["state"] == again["state"] == "cancelling"
    assert event["run"] == run["id"]
    assert ended["failure"]["outcome"] == "rolled_back"
    assert ended["failure"]["what"] == "deployer stopped at build"
    assert ended["failure"]["left"] == advice.UNDONE
    assert ended["failure"]["next"] == advice.STOPPED
    assert found["status"] == "live"
    assert same["state"] == "cancelled"
    assert retried["retry_of"] == run["id"]


async def test_what_was_cancelled_half_way_is_not_shown_as_whole(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await cancel(client, run)
        answer = runs.failure(run, "provisioner", Outcome.PARTIAL, code="cancelled")
        await panel.say("provisioner", answer)
        await rigs.until_state(client, run["id"], "cancelled")
        found = await rigs.get(client, f"/deployments/{deployment['id']}")

    assert found["status"] == "failed"


async def test_an_end_that_comes_first_is_the_truth(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await cancel(client, run)
        for service, event in runs.answers(run, url):
            await panel.say(service, event)
        succeeded = await rigs.until_state(client, run["id"], "succeeded")
        second = await rigs.deploy(client, deployment["id"])
        await cancel(client, second)
        await panel.say("provisioner", rigs.a_failure(second))
        failed = await rigs.until_state(client, second["id"], "failed")
        refused = [await client.post(f"/runs/{it['id']}/cancel") for it in (succeeded, failed)]

    assert [(it.status_code, it.json()["code"]) for it in refused] == [(409, "run.ended")] * 2
    assert "has succeeded already" in refused[0].json()["detail"]


async def test_a_failure_called_cancelled_that_nobody_asked_for_is_a_failure(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client:
        run = await rigs.deploy(client, (await rigs.create(client))["id"])
        answer = runs.failure(run, "storage", Outcome.UNCHANGED, code="cancelled")
        await panel.say("storage", answer)
        ended = await rigs.until_state(client, run["id"], "failed")

    assert ended["failure"]["code"] == "cancelled"


@pytest.mark.parametrize("is_backup", [True, False])
async def test_a_removal_is_not_cancelled(*, panel: PanelRig, is_backup: bool) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        if is_backup:
            path = f"/backups/{(await runs.backed_up(panel, client, deployment['id']))['id']}"
        run = (await client.delete(path)).json()
        refused = await client.post(f"/runs/{run['id']}/cancel")
        same = await rigs.get(client, f"/runs/{run['id']}")

    assert (refused.status_code, refused.json()["code"]) == (409, "run.not_cancellable")
    assert "A removal cannot be cancelled" in refused.json()["detail"]
    assert same["state"] == "running"


async def test_a_cancelled_run_makes_way_for_the_next(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        first = await rigs.deploy(client, deployment["id"])
        second = await rigs.deploy(client, deployment["id"])
        await cancel(client, first)
        waiting = await rigs.get(client, f"/runs/{second['id']}")
        answer = runs.failure(first, "storage", Outcome.UNCHANGED, code="cancelled")
        await panel.say("storage", answer)
        await rigs.until_state(client, second["id"], "running")

    assert waiting["state"] == "queued"
