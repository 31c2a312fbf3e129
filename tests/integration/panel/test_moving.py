"""Whoever brings a backup back on another domain is told what does not come along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig

BLOG = {"application": "microblog", "options": {"handle": "news"}}
NOTES = {"application": "notes", "options": {"password": "correct horse battery"}}


async def backed_up(
    panel: PanelRig, client: httpx2.AsyncClient, url: str, *applications: Json
) -> Json:
    """Return a backup of a deployment of these applications."""
    body = {"domain": rigs.a_domain(), "applications": list(applications)}
    deployment = (await client.post("/deployments", json=body)).json()["id"]
    await runs.succeed(panel, client, (await rigs.deploy(client, deployment))["id"], url)
    return await runs.backed_up(panel, client, deployment)


async def test_a_copy_on_another_domain_beside_the_original_is_warned_of(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        backup = await backed_up(panel, client, url, BLOG)
        old, new = backup["domain"], rigs.a_domain()
        path = f"/backups/{backup['id']}/restore"
        asked = await runs.ask(client, path, {"domain": new.upper()})

    two, addresses, identity, doubled = asked["warnings"]
    assert two.startswith(f"{old} goes on as it is")
    assert f"is not at {new}" in two
    assert f"Addresses at blog.{old}, media-blog.{old} in it are not rewritten" in addresses
    assert f"the keys with which it signs as blog.{old}" in identity
    assert f"Pause or remove {old} before the last run begins" in doubled


async def test_an_application_without_state_and_keys_has_little_to_be_warned_of(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        backup = await backed_up(panel, client, url, NOTES)
        path = f"/backups/{backup['id']}/restore"
        asked = await runs.ask(client, path, {"domain": rigs.a_domain()})

    assert [it.split(":")[0] for it in asked["warnings"]] == [
        f"{backup['domain']} goes on as it is"
    ]


async def test_what_is_gone_is_not_doubled_and_comes_home_without_a_warning(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        backup = await backed_up(panel, client, url, BLOG)
        path = f"/backups/{backup['id']}/restore"
        in_place = await runs.ask(client, path, {})
        for run in in_place["runs"]:
            await runs.succeed(panel, client, run["id"])
        removal = (await client.delete(f"/deployments/{backup['deployment']}")).json()
        await runs.succeed(panel, client, removal["id"])
        elsewhere = await runs.ask(client, path, {"domain": rigs.a_domain()})
        home = await runs.ask(client, path, {})

    assert in_place["warnings"] == home["warnings"] == []
    assert len(elsewhere["warnings"]) == 2
    assert not [it for it in elsewhere["warnings"] if "goes on" in it or "Pause" in it]
