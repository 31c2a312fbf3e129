"""Trying again what a run did not do, in a world that has changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.failures import Failure, Outcome
from shared.contracts.storage import StorageFailed
from tests.support import panel as rigs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig

NOTES = {"application": "notes", "options": {"password": "correct horse"}}


async def a_failed_run_whose_host_is_free(
    panel: PanelRig, client: httpx2.AsyncClient
) -> tuple[Json, Json]:
    """Fail to deploy `hello` and `notes`, then deploy `hello` alone; return deployment and run."""
    deployment = await rigs.create(client)
    path = f"/deployments/{deployment['id']}/configuration"
    wishes = {"applications": [{"application": "hello"}, NOTES]}
    assert (await client.post(path, json=wishes, headers=rigs.ANY_VERSION)).is_success
    failed = await rigs.deploy(client, deployment["id"])
    await panel.say("provisioner", rigs.a_failure(failed))
    await rigs.until_state(client, failed["id"], "failed")
    assert (
        await client.post(
            path, json={"applications": [{"application": "hello"}]}, headers=rigs.ANY_VERSION
        )
    ).is_success
    async with rigs.an_application() as url:
        run = await rigs.deploy(client, deployment["id"])
        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        await rigs.until_state(client, run["id"], "succeeded")
    return deployment, failed


async def test_a_retry_whose_host_another_deployment_has_is_refused(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment, failed = await a_failed_run_whose_host_is_free(panel, client)
        body = {"domain": deployment["domain"], "applications": [NOTES]}
        other = await client.post("/deployments", json=body)
        refused = await client.post(f"/runs/{failed['id']}/retry")
        found = await rigs.get(client, f"/deployments/{deployment['id']}")

    assert other.status_code == 201
    assert (refused.status_code, refused.json()["code"]) == (409, "host.taken")
    assert f"notes.{deployment['domain']}" in refused.json()["detail"]
    assert (found["status"], found["active_run"]) == ("live", None)


async def test_a_retry_holds_the_hosts_of_its_revision(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment, failed = await a_failed_run_whose_host_is_free(panel, client)
        retried = await client.post(f"/runs/{failed['id']}/retry")
        body = {"domain": deployment["domain"], "applications": [NOTES]}
        other = await client.post("/deployments", json=body)

    assert retried.json()["revision"] == failed["revision"]
    assert (other.status_code, other.json()["code"]) == (409, "host.taken")


async def test_a_host_is_held_as_long_as_a_run_waits_that_needs_it(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment, failed = await a_failed_run_whose_host_is_free(panel, client)
        running = await rigs.deploy(client, deployment["id"])
        waiting = (await client.post(f"/runs/{failed['id']}/retry")).json()
        for service, event in rigs.answers_of_a_deploy(running, url):
            await panel.say(service, event)
        await rigs.until_state(client, waiting["id"], "running")
        body = {"domain": deployment["domain"], "applications": [NOTES]}
        other = await client.post("/deployments", json=body)

    assert waiting["state"] == "queued"
    assert other.json()["code"] == "host.taken"


async def a_failed_removal(panel: PanelRig, client: httpx2.AsyncClient) -> Json:
    deployment = await rigs.create(client)
    run: Json = (await client.delete(f"/deployments/{deployment['id']}")).json()
    failure = StorageFailed(
        deployment=run["deployment"],
        run=run["id"],
        failure=Failure(code="store.away", message="The store is away.", retryable=True),
        stage="key",
        outcome=Outcome.PARTIAL,
    )
    await panel.say("storage", failure)
    await rigs.until_state(client, run["id"], "failed")
    return run


async def test_a_removal_is_tried_again_once_and_its_receipt_is_complete(panel: PanelRig) -> None:
    async with panel.operator() as client:
        failed = await a_failed_removal(panel, client)
        late, *_ = rigs.answers_of_a_removal(failed)
        await panel.say(*late)

        async def has_receipt() -> bool:
            return bool((await rigs.get(client, f"/runs/{failed['id']}"))["receipt"])

        await eventually(has_receipt, within=rigs.SOON)
        retried = (await client.post(f"/runs/{failed['id']}/retry")).json()
        again = (await client.post(f"/runs/{failed['id']}/retry")).json()
        (service, gone), *others = rigs.answers_of_a_removal(retried)
        await panel.say(service, gone.model_copy(update={"machines": ()}))
        for service, event in others:
            await panel.say(service, event)
        ended = await rigs.until_state(client, retried["id"], "succeeded")
        refused = await client.post(f"/runs/{failed['id']}/retry")

    assert (retried["kind"], retried["retry_of"]) == ("remove", failed["id"])
    assert again["id"] == retried["id"]
    assert ended["receipt"] == {
        "machines": ["fdv-x-1"],
        "buckets_kept": [{"bucket": "fdv-x", "until": "2026-12-24T00:00:00Z"}],
    }
    assert (refused.status_code, refused.json()["code"]) == (409, "deployment.removed")
