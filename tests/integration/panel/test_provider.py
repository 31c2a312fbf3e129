"""What the provider sees and decides: quotas, runs in trouble, machines, catalogue, notice."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Scope
from shared import ids
from shared.contracts.deployments import Doors, Endpoint, GrantedMachine, SecureShell
from shared.contracts.provisioner import VMReady, VMRemoved
from tests.support import panel as rigs
from tests.support.eventually import eventually
from tests.support.panel_runs import a_letter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import Json, PanelRig

TWO = [{"application": "hello"}, {"application": "notes", "options": {"password": "a b c d e"}}]


@asynccontextmanager
async def provider(panel: PanelRig) -> AsyncIterator[httpx2.AsyncClient]:
    async with panel.operator(Scope.READ, Scope.WRITE, Scope.PROVIDER) as client:
        yield client


async def limit(client: httpx2.AsyncClient, operator: str, **quota: int) -> Json:
    path = f"/provider/operators/{operator}"
    seen = (await client.get(path)).headers["etag"]
    answer = await client.put(f"{path}/quota", json=quota, headers={"If-Match": seen})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def all_of(client: httpx2.AsyncClient, path: str) -> list[Json]:
    items: list[Json] = []
    place = f"{path}?limit=200"
    while place:
        part = await rigs.get(client, place)
        items += part["items"]
        place = f"{path}?limit=200&cursor={part['next']}" if part["next"] else ""
    return items


async def test_no_more_deployments_than_the_quota_allows(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator() as client:
        operator = (await rigs.get(client, "/me"))["operator"]
        await limit(boss, operator, deployments=1)
        first = await rigs.create(client)
        wish = {"domain": rigs.a_domain(), "applications": [{"application": "hello"}]}
        refused = await client.post("/deployments", json=wish)
        shown = await rigs.get(boss, f"/provider/operators/{operator}")
        listed = [it["id"] for it in await all_of(boss, "/provider/operators")]

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "quota.deployments")
    assert problem["type"] == "/problems/quota-exceeded"
    assert "You may have 1 deployments in all. You have 1" in problem["detail"]
    assert shown["usage"]["deployments"] == shown["usage"]["applications"] == 1
    assert shown["usage"]["storage_gib"] == shown["usage"]["backups"] == 0
    assert shown["quota"]["deployments"] == 1
    assert operator in listed
    assert first["status"] == "draft"


async def test_applications_are_counted_when_they_are_staged(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator() as client:
        operator = (await rigs.get(client, "/me"))["operator"]
        await limit(boss, operator, applications=1)
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}/configuration"
        added = await client.post(path, json={"applications": TWO}, headers=rigs.ANY_VERSION)
        wish = {"applications": [{"application": "hello", "options": {"title": "Changed"}}]}
        changed = await client.post(path, json=wish, headers=rigs.ANY_VERSION)

    assert (added.status_code, added.json()["code"]) == (409, "quota.applications")
    assert changed.status_code == 200


async def test_storage_is_counted_when_it_is_deployed(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator() as client:
        operator = (await rigs.get(client, "/me"))["operator"]
        await limit(boss, operator, storage_gib=1)
        deployment = await rigs.create(client)
        refused = await client.post(f"/deployments/{deployment['id']}/deploy")
        more = await limit(boss, operator, storage_gib=100)
        await rigs.deploy(client, deployment["id"])
        shown = await rigs.get(boss, f"/provider/operators/{operator}")

    assert (refused.status_code, refused.json()["code"]) == (409, "quota.storage")
    assert more["quota"]["version"] == 2
    assert shown["usage"]["storage_gib"] >= 4


async def test_two_providers_do_not_overwrite_each_others_quota(panel: PanelRig) -> None:
    async with provider(panel) as boss:
        operator = (await rigs.get(boss, "/me"))["operator"]
        path = f"/provider/operators/{operator}"
        seen = (await boss.get(path)).headers["etag"]
        blind = await boss.put(f"{path}/quota", json={})
        await limit(boss, operator, deployments=5)
        stale = await boss.put(f"{path}/quota", json={}, headers={"If-Match": seen})
        negative = await boss.put(
            f"{path}/quota", json={"deployments": -1}, headers={"If-Match": "*"}
        )

    assert blind.status_code == 428
    assert (stale.status_code, stale.json()["code"], stale.json()["current"]) == (
        412,
        "quota.stale",
        1,
    )
    assert negative.status_code == 422


async def test_a_run_that_is_held_is_shown_with_what_holds_it(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        letter = ids.new_id()
        event = a_letter(run, letter, "it cannot be read")
        await panel.say("storage", event)

        async def found() -> Json:
            items = await all_of(boss, "/provider/runs")
            return next((it for it in items if it["id"] == run["id"]), {})

        await eventually(found, within=rigs.SOON)
        held = await found()
        await boss.post(f"/dead-letters/{letter}/discard")
        failed = await found()

    assert (held["trouble"], held["held_by"]) == ("held", letter)
    assert held["domain"] == deployment["domain"]
    assert failed["trouble"] == "failed"
    assert "gave it up" in failed["why"]


async def test_a_run_that_goes_on_for_long_is_shown(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        before = [it["id"] for it in await all_of(boss, "/provider/runs")]
        async with panel.database() as database, database.transaction() as tx:
            await tx.execute(
                "update runs set started_at = now() - interval '1 hour' where id = $1", run["id"]
            )
        after = {it["id"]: it["trouble"] for it in await all_of(boss, "/provider/runs")}

    assert run["id"] not in before
    assert after[run["id"]] == "long"


async def test_machines_are_known_as_long_as_they_are_there(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        it = {"deployment": run["deployment"], "run": run["id"]}
        machine = GrantedMachine(
            machine="fdv-x-1",
            applications=("hello",),
            ssh=SecureShell(host="192.0.2.10", port=22, host_public_key="ssh-ed25519 AAAA"),
            http=Endpoint(host="192.0.2.10", port=8080),
            guest=Doors(),
        )
        await panel.say("provisioner", VMReady(**it, revision=1, machines=(machine,)))

        async def found() -> Json:
            items = await all_of(boss, "/provider/machines")
            return next((it for it in items if it["id"] == deployment["id"]), {})

        await eventually(found, within=rigs.SOON)
        housed = await found()
        await panel.say("provisioner", VMRemoved(**it, machines=("fdv-x-1",)))

        async def is_gone() -> bool:
            return not await found()

        await eventually(is_gone, within=rigs.SOON)

    [shown] = housed["machines"]
    assert shown["ssh_address"] == "192.0.2.10:22"
    assert shown["applications"] == ["hello"]
    assert "AAAA" not in str(housed)


async def test_an_application_that_is_withheld_cannot_be_chosen_anew(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator() as client:
        wish = {"domain": rigs.a_domain(), "applications": TWO}
        made = (await client.post("/deployments", json=wish)).json()
        reason = {"reason": "A fix is being tested."}
        withheld = await boss.put("/provider/applications/notes/withheld", json=reason)
        try:
            listed = await rigs.get(client, "/applications/notes")
            other = {"domain": rigs.a_domain(), "applications": TWO}
            refused = await client.post("/deployments", json=other)
            kept = await client.post(
                f"/deployments/{made['id']}/configuration",
                json={"applications": TWO},
                headers=rigs.ANY_VERSION,
            )
        finally:
            again = await boss.delete("/provider/applications/notes/withheld")
        unknown = await boss.put("/provider/applications/nothing/withheld", json=reason)

    assert withheld.json()["is_offered"] is False
    assert listed["withheld"] == "A fix is being tested."
    assert (refused.status_code, refused.json()["code"]) == (422, "application.withheld")
    assert refused.json()["errors"][0]["pointer"] == "/applications/1/application"
    assert kept.status_code == 200
    assert again.json()["is_offered"] is True
    assert unknown.status_code == 404


async def test_everybody_reads_what_the_provider_announces(panel: PanelRig) -> None:
    async with provider(panel) as boss, panel.operator(Scope.READ) as client:
        try:
            await boss.put("/provider/notice", json={"message": " Tonight <b>at 2</b>. "})
            told = await rigs.get(client, "/notice")
        finally:
            await boss.delete("/provider/notice")
        silent = await rigs.get(client, "/notice")
        empty = await boss.put("/provider/notice", json={"message": "  "})

    assert told["message"] == "Tonight <b>at 2</b>."
    assert silent == {"message": None, "set_at": None}
    assert (empty.status_code, empty.json()["code"]) == (422, "notice.empty")


@pytest.mark.parametrize("scopes", [(Scope.READ, Scope.WRITE)])
async def test_an_operator_sees_nothing_of_the_providers(
    panel: PanelRig, scopes: tuple[Scope, ...]
) -> None:
    async with panel.operator(*scopes) as client:
        answers = [await client.get(f"/provider/{it}") for it in ("operators", "runs", "machines")]

    assert {it.status_code for it in answers} == {403}
