"""Domains: what to set for a deployment, and a look at it by asking real name servers."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest_asyncio

from services.panel.domain.identity import Scope
from shared import ids
from tests.support import panel as rigs
from tests.support.name_server import NameServer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import Json, PanelRig

EDGE = "127.0.0.1"


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


@dataclass
class Scene:
    """A domain with a deployment, its own server, and two resolvers that others ask."""

    client: httpx2.AsyncClient
    name: str
    own: NameServer
    old: NameServer
    new: NameServer

    @property
    def path(self) -> str:
        return f"/domains/{self.own.zone}"

    async def check(self) -> Json:
        answer = await self.client.post(f"{self.path}/checks")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found


@pytest_asyncio.fixture
async def scene(panel: PanelRig) -> AsyncIterator[Scene]:
    domain = f"{ids.new_id()}.fedi.test"
    own = NameServer(zone=domain)
    old = NameServer(zone=domain, is_authority=False, ttl=600)
    new = NameServer(zone=domain, is_authority=False)
    ports = (panel.authority_port, *panel.resolver_ports)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(panel.operator())
        await rigs.create(client, domain)
        for server, port in zip((own, old, new), ports, strict=True):
            await stack.enter_async_context(serving(server, port))
        yield Scene(client, f"hello.{domain}", own, old, new)


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


async def test_another_operators_domain_is_not_there(panel: PanelRig) -> None:
    async with panel.operator() as owner, panel.operator() as stranger:
        deployment = await rigs.create(owner)
        theirs = await stranger.get(f"/domains/{deployment['domain']}")
        nobodys = await stranger.get("/domains/nothing.localhost")
    async with panel.operator(Scope.READ) as reader:
        looking = await reader.post("/domains/nothing.localhost/checks")

    assert (theirs.status_code, theirs.json()["code"]) == (404, "domain.not_found")
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert looking.status_code == 403
