"""Pausing, resuming and restarting, and how a deployment tells what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.contracts.deployer import Ailment, ApplicationQuiesced, HealthChanged
from shared.contracts.failures import Outcome
from shared.contracts.panel import QuiesceRequested, RestartRequested, ResumeRequested
from shared.contracts.provisioner import MaintenanceChanged
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import PanelRig

AILMENT = Ailment(
    application="hello", kind="http", message="It does not answer.", since="2026-11-21T09:00:00Z"
)


async def status(client: httpx2.AsyncClient, deployment: str) -> str:
    return str((await rigs.get(client, f"/deployments/{deployment}"))["status"])


async def until_status(client: httpx2.AsyncClient, deployment: str, wanted: str) -> None:
    async def is_there() -> bool:
        return await status(client, deployment) == wanted

    await eventually(is_there, within=rigs.SOON)


def health(deployment: str, at: str, *ailments: Ailment) -> HealthChanged:
    return HealthChanged(deployment=deployment, at=at, ailments=ailments)


async def test_a_pause_ends_when_the_page_is_shown_and_a_resume_when_it_is_not(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        pause = await runs.ask(client, f"{path}/pause")
        quiesced, shown = runs.answers(pause, url)
        await panel.say(*quiesced)
        await until_status(client, deployment["id"], "paused")
        waiting = await rigs.get(client, f"/runs/{pause['id']}")
        await panel.say(*shown)
        await rigs.until_state(client, pause["id"], "succeeded")
        paused = await rigs.get(client, path)
        resume = await runs.ask(client, f"{path}/resume")
        resumed, hidden = runs.answers(resume, url)
        await panel.say(*resumed)
        await panel.say(*hidden)
        await rigs.until_state(client, resume["id"], "succeeded")
        after = await rigs.get(client, path)
        asked = [
            await runs.stated(panel, it, deployment["id"])
            for it in (QuiesceRequested, ResumeRequested)
        ]

    assert (pause["kind"], resume["kind"]) == ("pause", "resume")
    assert waiting["state"] == "running"
    assert paused["paused_at"] is not None
    assert (after["status"], after["paused_at"]) == ("live", None)
    assert [it["run"] for it in asked] == [pause["id"], resume["id"]]


async def test_what_is_paused_is_not_restarted_nor_restored_and_a_deploy_wakes_it(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        backup = await runs.backed_up(panel, client, deployment["id"])
        awake = await client.post(f"{path}/resume")
        await runs.succeed(panel, client, (await runs.ask(client, f"{path}/pause"))["id"])
        refused = [
            await client.post(f"{path}/pause"),
            await client.post(f"{path}/restart"),
            await client.post(f"/backups/{backup['id']}/restore", json={}),
        ]
        another = await runs.backed_up(panel, client, deployment["id"])
        deploy = await rigs.deploy(client, deployment["id"])
        await runs.succeed(panel, client, deploy["id"], url)
        after = await rigs.get(client, path)

    assert (awake.status_code, awake.json()["code"]) == (409, "deployment.not_paused")
    assert [it.status_code for it in refused] == [409, 409, 409]
    assert {it.json()["code"] for it in refused} == {"deployment.paused"}
    assert another["state"] == "complete"
    assert (after["status"], after["paused_at"]) == ("live", None)


async def test_what_waits_counts_when_a_pause_is_asked_for(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        backup = await runs.ask(client, f"{path}/backups")
        pauses = [await runs.ask(client, f"{path}/pause") for _ in range(2)]
        refused = await client.post(f"{path}/restart")
        resume = await runs.ask(client, f"{path}/resume")
        for run in (backup, pauses[0], resume):
            await runs.succeed(panel, client, run["id"])
        after = await status(client, deployment["id"])

    assert pauses[0]["id"] == pauses[1]["id"]
    assert refused.json()["code"] == "deployment.paused"
    assert after == "live"


async def test_a_pause_that_finds_the_deployment_paused_by_then_fails_and_says_why(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        await runs.succeed(panel, client, (await runs.ask(client, f"{path}/pause"))["id"])
        resume = await runs.ask(client, f"{path}/resume")
        restart = await runs.ask(client, f"{path}/restart")
        await runs.fail(panel, client, resume["id"])
        ended = await rigs.until_state(client, restart["id"], "failed")

    assert ended["failure"]["code"] == "deployment.paused"
    assert ended["failure"]["why"] == "This deployment is paused. Resume it first."
    assert ended["failure"]["outcome"] == "unchanged"


async def test_what_stands_still_without_a_page_is_paused_and_can_be_resumed(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        pause = await runs.ask(client, f"{path}/pause")
        await panel.say("deployer", ApplicationQuiesced(**_of(pause), hosts=()))
        await until_status(client, deployment["id"], "paused")
        await runs.fail(panel, client, pause["id"], Outcome.PARTIAL, "provisioner")
        after = await status(client, deployment["id"])
        await runs.succeed(panel, client, (await runs.ask(client, f"{path}/resume"))["id"])
        again = await status(client, deployment["id"])

    assert (after, again) == ("paused", "live")


async def test_a_restart_ends_when_the_applications_run_again(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        run = await runs.ask(client, f"{path}/restart")
        during = await status(client, deployment["id"])
        ended = await runs.succeed(panel, client, run["id"])
        # What provisioner says about it comes late, and says nothing of a later pause.
        pause = await runs.ask(client, f"{path}/pause")
        await panel.say("deployer", ApplicationQuiesced(**_of(pause), hosts=()))
        await until_status(client, deployment["id"], "paused")
        late = MaintenanceChanged(**_of(run), hosts=(), on=False)
        await panel.say("provisioner", late, *(it for _, it in runs.answers(pause, url)[1:]))
        await rigs.until_state(client, pause["id"], "succeeded")
        after = await status(client, deployment["id"])
        event = await runs.stated(panel, RestartRequested, deployment["id"])

    assert (run["kind"], during, event["run"]) == ("restart", "live", run["id"])
    assert [it["name"] for it in ended["steps"]] == ["stop", "start", "health"]
    assert after == "paused"


@pytest.mark.parametrize("verb", ["pause", "restart", "resume"])
async def test_what_was_never_deployed_cannot_be_interfered_with(
    panel: PanelRig, verb: str
) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        refused = await client.post(f"/deployments/{deployment['id']}/{verb}")

    assert refused.status_code == 409
    assert refused.json()["code"] in {"deployment.not_deployed", "deployment.not_paused"}


async def test_what_is_half_deployed_is_not_paused(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        run = await rigs.deploy(client, deployment["id"])
        await runs.fail(panel, client, run["id"], Outcome.PARTIAL)
        await runs.backed_up(panel, client, deployment["id"])
        found = await status(client, deployment["id"])
        refused = await client.post(f"{path}/pause")

    assert found == "failed"
    assert refused.json()["code"] == "deployment.broken"


async def test_half_of_a_restore_is_neither_paused_nor_resumed_nor_restarted(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        backup = await runs.backed_up(panel, client, deployment["id"])
        body = {"backup_first": False}
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", body)
        await runs.fail(panel, client, asked["run"]["id"], Outcome.ROLLBACK_FAILED)
        refused = [await client.post(f"{path}/{it}") for it in ("pause", "resume", "restart")]
        deploy = await rigs.deploy(client, deployment["id"])
        await runs.succeed(panel, client, deploy["id"], url)
        await runs.succeed(panel, client, (await runs.ask(client, f"{path}/pause"))["id"])

    assert [(it.status_code, it.json()["code"]) for it in refused] == [
        (409, "deployment.broken")
    ] * 3
    [why] = {it.json()["detail"] for it in refused}
    assert f"Run {asked['run']['number']} ended half-way" in why
    assert "Deploy again first." in why


async def test_what_was_half_deployed_while_it_was_paused_is_not_resumed(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        await runs.succeed(panel, client, (await runs.ask(client, f"{path}/pause"))["id"])
        run = await rigs.deploy(client, deployment["id"])
        await runs.fail(panel, client, run["id"], Outcome.PARTIAL)
        refused = await client.post(f"{path}/resume")

    assert refused.json()["code"] == "deployment.broken"


async def test_a_sick_deployment_is_degraded_and_the_newest_finding_counts(
    panel: PanelRig,
) -> None:
    worse = AILMENT.model_copy(update={"kind": "disk", "message": "The disk is full."})
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        said = [
            health(deployment["id"], "2026-11-21T09:01:00Z", AILMENT),
            health(deployment["id"], "2026-11-21T09:03:00Z", AILMENT, worse),
            health(deployment["id"], "2026-11-21T09:02:00Z"),
        ]
        await panel.say("deployer", *said)
        run = await runs.ask(client, f"{path}/restart")
        await runs.succeed(panel, client, run["id"])  # handled after what was said before
        sick = await rigs.get(client, path)
        await panel.say("deployer", health(deployment["id"], "2026-11-21T09:04:00Z"))
        await until_status(client, deployment["id"], "live")
        well = await rigs.get(client, path)

    assert sick["status"] == "degraded"
    assert [it["kind"] for it in sick["ailments"]] == ["http", "disk"]
    assert sick["ailments"][0] == AILMENT.model_dump()
    assert sick["ailing_at"] == "2026-11-21T09:03:00Z"
    assert (well["ailments"], well["ailing_at"]) == ([], "2026-11-21T09:04:00Z")


def _of(run: rigs.Json) -> rigs.Json:
    return {"deployment": run["deployment"], "run": run["id"]}
