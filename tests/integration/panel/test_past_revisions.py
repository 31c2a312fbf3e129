"""The revisions of a deployment: listed, compared, and deployed again as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.panel import DeploymentRequested
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig


async def stage(client: httpx2.AsyncClient, path: str, *applications: Json) -> None:
    answer = await client.post(
        f"{path}/configuration", json={"applications": applications}, headers=rigs.ANY_VERSION
    )
    assert answer.status_code == 200, answer.text


def hello(title: str) -> Json:
    return {"application": "hello", "options": {"title": title}}


NOTES: Json = {"application": "notes", "options": {"password": "correct horse"}}


async def test_revisions_are_listed_newest_first_and_part_by_part(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client, title="One")
        path = f"/deployments/{deployment['id']}"
        await rigs.deploy(client, deployment["id"])
        for title in ("Two", "Three"):
            await stage(client, path, hello(title))
            await rigs.deploy(client, deployment["id"])
        first = await client.get(f"{path}/revisions?limit=2")
        rest = await rigs.get(client, f"{path}/revisions?limit=2&after={first.json()['next']}")
        one = await rigs.get(client, f"{path}/revisions/2")
        absent = await client.get(f"{path}/revisions/9")

    assert [it["number"] for it in first.json()["items"] + rest["items"]] == [3, 2, 1]
    assert "after=2" in first.headers["link"]
    assert rest["next"] is None
    assert one["created_by"] == "Robin"
    assert one["deployed_at"] is None
    assert one["applications"][0]["options"]["title"] == "Two"
    assert absent.status_code == 404


async def test_what_a_revision_changed_is_named_and_secrets_are_not_shown(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client, title="One")
        path = f"/deployments/{deployment['id']}"
        await rigs.deploy(client, deployment["id"])
        await stage(client, path, hello("Two"), NOTES)
        await rigs.deploy(client, deployment["id"])
        renewed = {"application": "notes", "options": {"password": "another horse"}}
        await stage(client, path, hello("Two"), renewed)
        await rigs.deploy(client, deployment["id"])
        first = await rigs.get(client, f"{path}/revisions/1/changes")
        second = await rigs.get(client, f"{path}/revisions/2/changes")
        third = await client.get(f"{path}/revisions/3/changes")
        both = await rigs.get(client, f"{path}/revisions/3/changes?since=1")

    assert (first["since"], first["until"]) == (None, 1)
    assert [(it["application"], it["kind"]) for it in first["changes"]] == [("hello", "added")]
    changed, added = second["changes"]
    assert changed["options"] == [
        {"path": ["title"], "before": "One", "after": "Two", "is_secret": False}
    ]
    assert (added["application"], added["kind"]) == ("notes", "added")
    assert third.json()["changes"][0]["options"] == [
        {"path": ["password"], "before": None, "after": None, "is_secret": True}
    ]
    assert "horse" not in third.text
    assert [it["application"] for it in both["changes"]] == ["hello", "notes"]


async def test_what_is_staged_is_compared_with_what_runs(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url, title="One")
        path = f"/deployments/{deployment['id']}"
        same = await rigs.get(client, f"{path}/configuration/changes")
        await stage(client, path, hello("Two"))
        other = await rigs.get(client, f"{path}/configuration/changes")

    assert same == {"since": 1, "until": None, "changes": []}
    assert other["changes"][0]["options"][0]["after"] == "Two"


async def test_a_revision_is_deployed_again_with_its_secrets(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url, title="One")
        path = f"/deployments/{deployment['id']}"
        for applications in ([hello("Two"), NOTES], [hello("Three")]):
            await stage(client, path, *applications)
            run = await rigs.deploy(client, deployment["id"])
            await runs.succeed(panel, client, run["id"], url)
        unsaid = await client.post(f"{path}/revisions/2/deploy")
        stale = await client.post(f"{path}/revisions/2/deploy", headers={"If-Match": '"1"'})
        asked = await client.post(f"{path}/revisions/2/deploy", headers={"If-Match": '"3"'})
        await runs.succeed(panel, client, asked.json()["id"], url)
        events = await panel.stated(DeploymentRequested, deployment["id"])
        staged = await rigs.get(client, f"{path}/configuration")

    assert (unsaid.status_code, stale.status_code) == (428, 412)
    assert asked.status_code == 202
    assert [it["revision"] for it in events] == [1, 2, 3, 4]
    assert events[3]["applications"] == events[1]["applications"]
    assert staged["staged"]["version"] == 4
    assert staged["has_changes"] is False


async def test_a_revision_with_another_host_cannot_be_deployed_as_it_was(panel: PanelRig) -> None:
    async with panel.operator() as client:
        domain = rigs.a_domain()
        deployment = await rigs.create(client, domain)
        path = f"/deployments/{deployment['id']}"
        await rigs.deploy(client, deployment["id"])
        await stage(client, path, NOTES)
        await rigs.deploy(client, deployment["id"])
        await stage(client, path, NOTES, {**hello("Two"), "host": f"www.{domain}"})
        await rigs.deploy(client, deployment["id"])
        answer = await client.post(f"{path}/revisions/1/deploy", headers=rigs.ANY_VERSION)
        after = await rigs.get(client, f"{path}/configuration")

    assert answer.status_code == 409
    assert answer.json()["code"] == "revision.outdated"
    assert f"www.{domain}" in answer.json()["detail"]
    assert after["staged"]["version"] == 3
