"""Domains: what to set for a deployment, and a look at it by asking real name servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from services.panel.domain.identity import Scope
from shared import ids
from tests.support import panel as rigs
from tests.support.domain_scene import EDGE, domain_scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.domain_scene import Scene
    from tests.support.panel import PanelRig


async def test_a_domain_of_the_front_needs_no_records(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        listed = await rigs.get(client, "/domains")
        checked = await client.post(f"/domains/{deployment['domain']}/checks")

    [found] = listed["items"]
    assert found["name"] == deployment["domain"]
    assert (found["is_published"], found["state"]) == (True, "published")
    assert found["deployments"] == [deployment["id"]]
    assert checked.status_code == 200
    assert checked.json()["checked_at"] is None


@pytest_asyncio.fixture
async def scene(panel: PanelRig) -> AsyncIterator[Scene]:
    async with panel.operator() as client, domain_scene(panel, client) as found:
        yield found


async def test_before_anybody_looks_there_is_only_what_to_set(scene: Scene) -> None:
    found = await rigs.get(scene.client, scene.path)

    a, aaaa = found["records"]
    assert found["state"] == "unverified"
    assert found["zone_file"] == f"{scene.name}. 3600 IN A {EDGE}\n"
    assert (a["host"], a["name"], a["values"]) == ("hello", scene.name, [EDGE])
    assert (a["state"], aaaa["state"]) == ("unchecked", "unchecked")
    assert (aaaa["type"], aaaa["values"]) == ("AAAA", [])


async def test_a_record_that_is_missing_is_seen_to_be_and_said_how_to_set(scene: Scene) -> None:
    found = await scene.check()

    assert found["state"] == "pending"
    assert [it["state"] for it in found["records"]] == ["missing", "good"]
    assert f"host hello, value {EDGE}" in found["records"][0]["advice"]


async def test_a_record_that_is_right_is_waited_for_until_all_see_it(scene: Scene) -> None:
    scene.own.records = scene.new.records = {(scene.name, "A"): [EDGE]}
    spreading = await scene.check()
    scene.old.records = scene.own.records
    good = await scene.check()
    kept = await rigs.get(scene.client, scene.path)

    assert spreading["records"][0]["state"] == "spreading"
    assert [it["values"] for it in spreading["records"][0]["seen"]] == [[EDGE], [], [EDGE]]
    assert (good["state"], kept["state"]) == ("verified", "verified")
    assert kept["records"][0]["seen"][0]["who"] == f"ns.{scene.own.zone}"


async def test_a_look_at_once_after_another_is_refused(scene: Scene) -> None:
    await scene.check()

    again = await scene.client.post(f"{scene.path}/checks")

    assert again.status_code == 429
    assert again.json()["code"] == "domain.checked_just_now"
    assert again.headers["retry-after"]


async def test_a_record_that_leads_some_elsewhere_is_seen(scene: Scene) -> None:
    for it in (scene.own, scene.old, scene.new):
        it.records = {(scene.name, "A"): [EDGE], (scene.name, "AAAA"): ["2001:db8::1"]}

    found = await scene.check()

    assert found["state"] == "partial"
    assert found["records"][1]["state"] == "unwanted"
    assert "2001:db8::1" in found["records"][1]["advice"]


async def test_nobody_answers_and_that_is_said(panel: PanelRig) -> None:
    domain = f"{ids.new_id()}.fedi.test"
    async with panel.operator() as client:
        await rigs.create(client, domain)
        found = (await client.post(f"/domains/{domain}/checks")).json()

    assert found["records"][0]["state"] == "unknown"
    assert "Check that" in found["records"][0]["advice"]


async def test_what_was_seen_says_nothing_about_a_name_that_came_later(panel: PanelRig) -> None:
    domain = f"{ids.new_id()}.fedi.test"
    notes = {"application": "notes", "options": {"password": "a b c d e"}}
    async with panel.operator() as client:
        deployment = await rigs.create(client, domain)
        await client.post(f"/domains/{domain}/checks")
        wish = {"applications": [{"application": "hello"}, notes]}
        path = f"/deployments/{deployment['id']}/configuration"
        await client.post(path, json=wish, headers=rigs.ANY_VERSION)
        found = await rigs.get(client, f"/domains/{domain}")

    states = {it["name"]: it["state"] for it in found["records"]}
    assert states == {f"hello.{domain}": "unknown", f"notes.{domain}": "unchecked"}


async def test_domains_are_listed_by_name_part_by_part(panel: PanelRig) -> None:
    async with panel.operator() as client:
        made = [(await rigs.create(client))["domain"] for _ in range(3)]
        first = await client.get("/domains?limit=2")
        rest = await rigs.get(client, f"/domains?limit=2&cursor={first.json()['next']}")
        unread = await client.get("/domains?cursor=nonsense")

    assert [it["name"] for it in first.json()["items"] + rest["items"]] == sorted(made)
    assert f"cursor={first.json()['next']}" in first.headers["link"]
    assert 'rel="next"' in first.headers["link"]
    assert rest["next"] is None
    assert (unread.status_code, unread.json()["code"]) == (422, "cursor.invalid")


async def test_many_domains_come_on_several_pages(panel: PanelRig) -> None:
    person = await panel.session(operator=f"Operator {ids.new_id()}")
    async with panel.operator(named=person.operator) as client, person.browser() as pages:
        made = sorted([(await rigs.create(client))["domain"] for _ in range(26)])
        first = (await pages.get("/domains")).text
        rest = (await pages.get(f"/domains?after={made[24]}")).text

    assert [it for it in made if it in first] == made[:25]
    assert f"/domains?after={made[24]}" in first
    assert [it for it in made if it in rest] == made[25:]
    assert "From the beginning" in rest


async def test_another_operators_domain_is_not_there(panel: PanelRig) -> None:
    async with panel.operator() as owner, panel.operator() as stranger:
        deployment = await rigs.create(owner)
        theirs = await stranger.get(f"/domains/{deployment['domain']}")
        nobodys = await stranger.get("/domains/nothing.localhost")
        unwritable = await stranger.get("/domains/%00")
    async with panel.operator(Scope.READ) as reader:
        looking = await reader.post("/domains/nothing.localhost/checks")

    assert (theirs.status_code, theirs.json()["code"]) == (404, "domain.not_found")
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert unwritable.status_code == 404
    assert looking.status_code == 403
