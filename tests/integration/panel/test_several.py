"""Several applications of one operator: what they share, and what each has for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.panel import DeploymentRequested
from tests.support import panel as rigs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig


async def configured(client: httpx2.AsyncClient, domain: str, **hosts: str) -> httpx2.Response:
    wishes = [{"application": name, "host": host, "options": {}} for name, host in hosts.items()]
    return await client.post("/deployments", json={"domain": domain, "applications": wishes})


async def ports(panel: PanelRig, deployment: str, revision: int) -> dict[str, int]:
    """Return at which ports applications answer in their machines, once a revision is requested."""
    stated: list[Json] = []

    async def is_stated() -> bool:
        stated[:] = await panel.stated(DeploymentRequested, deployment)
        return len(stated) == revision

    await eventually(is_stated, within=rigs.SOON)
    resources = max(stated, key=lambda it: it["revision"])["resources"]
    return {it["application"]: it["http_port"] for it in resources if it["kind"] == "machine"}


async def test_an_application_that_joins_leaves_the_other_its_port(panel: PanelRig) -> None:
    domain = rigs.a_domain()
    async with panel.operator() as client, rigs.an_application() as url:
        answer = await configured(client, domain, microblog=f"blog.{domain}")
        deployment = answer.json()["id"]
        run = await rigs.deploy(client, deployment)
        before = await ports(panel, deployment, 1)
        for service, event in rigs.answers_of_a_deploy(run, url):
            await panel.say(service, event)
        await rigs.until_state(client, run["id"], "succeeded")
        wishes = [
            {"application": "hello", "options": {}},
            {"application": "microblog", "options": {"handle": "news"}},
        ]
        path = f"/deployments/{deployment}/configuration"
        staged = await client.post(path, json={"applications": wishes}, headers=rigs.ANY_VERSION)
        assert staged.status_code == 200, staged.text
        await rigs.deploy(client, deployment)

        assert before == {"microblog": 80}
        assert await ports(panel, deployment, 2) == {"microblog": 80, "hello": 8080}


async def test_no_domain_lies_where_the_media_of_an_application_are(panel: PanelRig) -> None:
    domain = rigs.a_domain()
    media = f"media-blog.{domain}"
    async with panel.operator() as client:
        await configured(client, domain, microblog=f"blog.{domain}")
        refused = await configured(client, media, hello=media)
        accepted = await configured(client, media, hello=f"hello.{media}")

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "host.taken")
    assert problem["errors"][0]["pointer"] == "/applications/0/host"
    assert "kept for its public media" in problem["errors"][0]["detail"]
    assert accepted.status_code == 201


async def test_no_media_lie_where_another_deployment_is(panel: PanelRig) -> None:
    domain = rigs.a_domain()
    media = f"media-blog.{domain}"
    async with panel.operator() as client:
        await configured(client, media, hello=media)
        refused = await configured(client, domain, hello=domain, microblog=f"blog.{domain}")
        accepted = await configured(client, domain, microblog=f"weblog.{domain}")

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "host.taken")
    assert problem["errors"][0]["pointer"] == "/applications/1/host"
    assert f"would be at {media}" in problem["errors"][0]["detail"]
    assert accepted.status_code == 201
