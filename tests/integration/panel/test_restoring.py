"""Restores as panel leads them: runs that wait for each other, in place and as a new deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.contracts.failures import Outcome
from shared.contracts.panel import DeploymentRequested, RestoreRequested
from shared.contracts.provisioner import VMReady
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig


async def states(client: httpx2.AsyncClient, restoration: Json) -> list[str]:
    found = [await rigs.get(client, f"/runs/{it['id']}") for it in restoration["runs"]]
    return [it["state"] for it in found]


async def brought_as_new(
    panel: PanelRig, client: httpx2.AsyncClient, url: str
) -> tuple[Json, Json, Json]:
    """Return a deployment, a backup of it, and what asks for that on a new domain."""
    deployment = await runs.live(panel, client, url)
    backup = await runs.backed_up(panel, client, deployment["id"])
    domain = {"domain": rigs.a_domain()}
    return deployment, backup, await runs.ask(client, f"/backups/{backup['id']}/restore", domain)


async def test_in_place_what_is_there_is_backed_up_first(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", {})
        safety, restore = asked["runs"]
        early = await panel.stated(RestoreRequested, deployment["id"])
        await runs.succeed(panel, client, safety["id"])
        begun = await rigs.until_state(client, restore["id"], "running")
        during = await rigs.get(client, f"/deployments/{deployment['id']}")
        ended = await runs.succeed(panel, client, restore["id"])
        after = await rigs.get(client, f"/deployments/{deployment['id']}")
        made = await rigs.get(client, f"/backups/{safety['id']}")
        event = await runs.stated(panel, RestoreRequested, deployment["id"])

    assert asked["deployment"] == deployment["id"]
    assert [it["kind"] for it in asked["runs"]] == ["backup", "restore"]
    assert (asked["run"]["id"], asked["run"]["after"]) == (restore["id"], safety["id"])
    assert early == []
    assert (made["automatic"], made["state"]) == (True, "complete")
    assert (event["backup"], event["source"]) == (backup["id"], deployment["id"])
    assert event["applications"][0]["buckets"][0]["purpose"] == "entries"
    assert event["revision"] == begun["revision"] == 1
    assert (during["status"], after["status"]) == ("deploying", "live")
    assert {it["status"] for it in ended["steps"]} == {"succeeded"}


async def test_nothing_is_restored_when_what_is_there_cannot_be_backed_up(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", {})
        safety, restore = asked["runs"]
        failed = await runs.fail(panel, client, safety["id"])
        unbegun = await rigs.until_state(client, restore["id"], "cancelled")
        refused = await client.post(f"/runs/{restore['id']}/retry")
        again = await runs.ask(client, f"/runs/{safety['id']}/retry")
        await runs.succeed(panel, client, again["id"])
        listed = await rigs.get(client, f"/deployments/{deployment['id']}/runs")
        queued_again = listed["items"][0]
        ended = await runs.succeed(panel, client, queued_again["id"])
        stated = await panel.stated(RestoreRequested, deployment["id"])
        made = await rigs.get(client, f"/backups/{again['backup']}")

    assert unbegun["started_at"] is None
    assert unbegun["failure"]["code"] == "run.not_begun"
    assert f"run {failed['number']} (backup)" in unbegun["failure"]["why"]
    assert "It broke." in unbegun["failure"]["why"]
    assert unbegun["failure"]["outcome"] == "unchanged"
    assert (refused.status_code, refused.json()["code"]) == (409, "run.waits_for_another")
    assert (ended["kind"], ended["retry_of"]) == ("restore", restore["id"])
    assert ended["after"] == again["id"]
    assert made["automatic"] is True
    assert [it["run"] for it in stated] == [ended["id"]]


async def test_what_is_damaged_too_far_to_be_saved_is_replaced_at_once(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        path = f"/backups/{backup['id']}/restore"
        asked = await runs.ask(client, path, {"backup_first": False})
        ended = await runs.succeed(panel, client, asked["run"]["id"])

    assert [it["id"] for it in asked["runs"]] == [ended["id"]]
    assert (ended["kind"], ended["after"]) == ("restore", None)


@pytest.mark.parametrize(
    ("outcome", "status", "kinds"),
    [
        (Outcome.ROLLED_BACK, "live", ["restore", "backup"]),
        (Outcome.ROLLBACK_FAILED, "failed", ["restore"]),
    ],
)
async def test_a_restore_that_failed_is_tried_again_after_a_new_backup_if_all_is_as_before(
    panel: PanelRig, outcome: Outcome, status: str, kinds: list[str]
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        backup = await runs.backed_up(panel, client, deployment["id"])
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", {})
        safety, restore = asked["runs"]
        await runs.succeed(panel, client, safety["id"])
        await runs.fail(panel, client, restore["id"], outcome)
        found = await rigs.get(client, path)
        retried = await runs.ask(client, f"/runs/{restore['id']}/retry")
        listed = await rigs.get(client, f"{path}/runs?limit={len(kinds)}")
        for run in reversed(listed["items"]):
            await runs.succeed(panel, client, run["id"])
        after = await rigs.get(client, path)

    assert found["status"] == status
    assert (retried["kind"], retried["retry_of"]) == ("restore", restore["id"])
    assert [it["kind"] for it in listed["items"]] == kinds
    assert after["status"] == "live"


async def test_a_backup_that_does_not_fit_what_runs_is_refused_or_fails_before_anything(
    panel: PanelRig,
) -> None:
    wish = {"applications": [{"application": "hello", "options": {"visitors_book": False}}]}
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        path = f"/deployments/{deployment['id']}"
        backup = await runs.backed_up(panel, client, deployment["id"])
        assert (
            await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
        ).is_success
        deploy = await rigs.deploy(client, deployment["id"])
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", {})
        await runs.succeed(panel, client, deploy["id"], url)
        await runs.succeed(panel, client, asked["runs"][0]["id"])
        late = await rigs.until_state(client, asked["run"]["id"], "failed")
        refused = await client.post(f"/backups/{backup['id']}/restore", json={})
        stated = await panel.stated(RestoreRequested, deployment["id"])

    assert late["failure"]["code"] == refused.json()["code"] == "backup.misfit"
    assert "hello has no bucket entries" in refused.json()["detail"]
    assert "hello has no bucket entries" in late["failure"]["why"]
    assert stated == []


async def test_as_a_new_deployment_it_is_prepared_then_restored_then_started(
    panel: PanelRig,
) -> None:
    domain = rigs.a_domain()
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url, title="Garden")
        backup = await runs.backed_up(panel, client, deployment["id"])
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", {"domain": domain})
        path = f"/deployments/{asked['deployment']}"
        ended = [await runs.succeed(panel, client, it["id"], url) for it in asked["runs"]]
        found = await rigs.get(client, path)
        configuration = await rigs.get(client, f"{path}/configuration")
        wishes = await panel.stated(DeploymentRequested, asked["deployment"])
        event = await runs.stated(panel, RestoreRequested, asked["deployment"])
        again = await rigs.deploy(client, asked["deployment"])

    assert [it["kind"] for it in asked["runs"]] == ["deploy", "restore", "deploy"]
    assert [it["state"] for it in asked["runs"]] == ["running", "queued", "queued"]
    assert asked["run"]["id"] == asked["runs"][-1]["id"]
    assert [len(it["steps"]) for it in ended] == [10, 9, 13]
    assert (found["status"], found["domain"]) == ("live", domain)
    assert found["applications"][0]["host"] == f"hello.{domain}"
    assert [(it["mode"], it["revision"]) for it in wishes] == [("prepared", 1), ("active", 2)]
    assert wishes[0]["applications"] == wishes[1]["applications"]
    assert wishes[0]["applications"][0]["options"]["title"] == "Garden"
    assert (event["revision"], event["source"]) == (1, deployment["id"])
    assert configuration["has_changes"] is False
    assert again["revision"] == 2


async def test_while_a_backup_is_brought_nothing_else_gets_in_its_way(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        _, backup, asked = await brought_as_new(panel, client, url)
        path = f"/deployments/{asked['deployment']}"
        refused = [
            await client.post(f"{path}/deploy"),
            await client.post(f"{path}/pause"),
            await client.post(f"{path}/backups"),
            await client.delete(f"/backups/{backup['id']}"),
        ]
        await runs.succeed(panel, client, asked["runs"][0]["id"])
        during = await rigs.get(client, path)

    assert [it.json()["code"] for it in refused] == [
        "deployment.restoring",
        "deployment.not_deployed",
        "deployment.not_deployed",
        "backup.in_use",
    ]
    assert during["status"] == "deploying"


async def test_sealed_options_come_back_with_the_backup_and_are_never_shown(
    panel: PanelRig,
) -> None:
    secret = "correct horse battery"  # noqa: S105 - planted, to be found nowhere
    wish = {"application": "notes", "options": {"password": secret}}
    async with panel.operator() as client, rigs.an_application() as url:
        body = {"domain": rigs.a_domain(), "applications": [wish]}
        deployment = (await client.post("/deployments", json=body)).json()["id"]
        await runs.succeed(panel, client, (await rigs.deploy(client, deployment))["id"], url)
        backup = await runs.backed_up(panel, client, deployment)
        domain = {"domain": rigs.a_domain()}
        asked = await runs.ask(client, f"/backups/{backup['id']}/restore", domain)
        await rigs.until_state(client, asked["runs"][0]["id"], "running")
        before = await runs.stated(panel, DeploymentRequested, deployment)
        after = await runs.stated(panel, DeploymentRequested, asked["deployment"])

    sealed = before["applications"][0]["sealed_options"]
    assert sealed
    assert after["applications"][0]["sealed_options"] == sealed
    assert secret not in str(asked) + str(backup) + str(after)


async def test_a_removed_deployment_comes_back_on_its_domain_unless_somebody_has_it(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, panel.operator() as other, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        path = f"/backups/{backup['id']}/restore"
        body = {"domain": deployment["domain"]}
        living = await client.post(path, json=body)
        removal = (await client.delete(f"/deployments/{deployment['id']}")).json()
        leaving = await client.post(path, json={})
        await runs.succeed(panel, client, removal["id"])
        taken = await rigs.create(other, deployment["domain"])
        refused = await client.post(path, json={})
        removal = (await other.delete(f"/deployments/{taken['id']}")).json()
        await runs.succeed(panel, other, removal["id"])
        asked = await runs.ask(client, path, {})
        found = await rigs.get(client, f"/deployments/{asked['deployment']}")

    assert (living.status_code, living.json()["code"]) == (409, "host.taken")
    assert leaving.json()["code"] == "deployment.removing"
    assert (refused.status_code, refused.json()["code"]) == (409, "domain.taken")
    assert found["domain"] == deployment["domain"]
    assert found["applications"][0]["host"] == deployment["applications"][0]["host"]
    assert len(asked["runs"]) == 3


async def test_a_chain_that_failed_is_continued_by_a_retry_of_what_failed(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        _, _, asked = await brought_as_new(panel, client, url)
        path = f"/deployments/{asked['deployment']}"
        prepared, restore, _ = asked["runs"]
        await runs.succeed(panel, client, prepared["id"])
        await runs.fail(panel, client, restore["id"])
        stopped = await states(client, asked)
        broken = await rigs.get(client, path)
        again = await runs.ask(client, f"/runs/{restore['id']}/retry")
        await runs.succeed(panel, client, again["id"])
        [newest] = (await rigs.get(client, f"{path}/runs?limit=1"))["items"]
        await runs.succeed(panel, client, newest["id"], url)
        found = await rigs.get(client, path)
        late = await client.post(f"/runs/{restore['id']}/retry")

    assert stopped == ["succeeded", "failed", "cancelled"]
    assert broken["status"] == "failed"
    assert again["revision"] == 1
    assert (newest["kind"], newest["revision"]) == ("deploy", 2)
    assert found["status"] == "live"
    assert (late.status_code, late.json()["code"]) == (409, "deployment.used")


async def test_a_removal_ends_a_chain_and_nothing_of_it_is_begun(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        _, _, asked = await brought_as_new(panel, client, url)
        prepared = asked["runs"][0]
        removal = (await client.delete(f"/deployments/{asked['deployment']}")).json()
        waiting = await states(client, asked)
        begun = await rigs.until_state(client, prepared["id"], "running")
        await panel.say("provisioner", VMReady(**_of(begun), machines=()))
        await runs.fail(panel, client, prepared["id"])
        await rigs.until_state(client, removal["id"], "running")

    assert waiting == ["running", "superseded", "superseded"]


async def test_a_domain_that_cannot_be_used_is_named_where_it_stands(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        body = {"domain": "https://garden.localhost/"}
        refused = await client.post(f"/backups/{backup['id']}/restore", json=body)
        listed = await rigs.get(client, "/deployments")

    assert (refused.status_code, refused.json()["code"]) == (422, "domain.url")
    assert [it["pointer"] for it in refused.json()["errors"]] == ["/domain"]
    assert len(listed["items"]) == 1


def _of(run: Json) -> Json:
    return {"deployment": run["deployment"], "run": run["id"], "revision": run["revision"]}
