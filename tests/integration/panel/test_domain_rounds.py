"""Domains in use are looked at again, and people are told what two looks have found."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support import panel as rigs
from tests.support.domain_scene import EDGE, PACE, domain_scene, lookout
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.domain_scene import Lookout, Scene
    from tests.support.panel import Json, PanelRig

ELSEWHERE = "192.0.2.80"


@pytest_asyncio.fixture
async def scene(panel: PanelRig) -> AsyncIterator[Scene]:
    async with panel.operator() as client, domain_scene(panel, client) as found:
        yield found


@pytest_asyncio.fixture
async def it(panel: PanelRig) -> AsyncIterator[Lookout]:
    async with panel.database() as database:
        yield lookout(panel, database)


async def told(client: httpx2.AsyncClient) -> list[Json]:
    """Return what people were told, the oldest first."""
    items: list[Json] = (await rigs.get(client, "/notifications"))["items"]
    return items[::-1]


async def test_what_two_looks_have_found_is_told_once(scene: Scene, it: Lookout) -> None:
    scene.answer(EDGE)
    await it.look(scene.domain)
    once = await told(scene.client)
    await it.look(scene.domain, after=timedelta(seconds=1))
    too_soon = await told(scene.client)
    await it.look(scene.domain, after=PACE.confirm)
    await it.look(scene.domain, after=PACE.interval)
    verified = await told(scene.client)
    good_at = (await rigs.get(scene.client, scene.path))["good_at"]
    scene.answer(ELSEWHERE)
    await it.look(scene.domain, after=PACE.interval)
    doubted = await told(scene.client)
    await it.look(scene.domain, after=PACE.confirm)
    await it.look(scene.domain, after=PACE.confirm)
    drifted = await told(scene.client)
    found = await rigs.get(scene.client, scene.path)

    assert once == too_soon == []
    assert [it["type"] for it in verified] == ["domain.verified"]
    assert doubted == verified
    assert [it["type"] for it in drifted] == ["domain.verified", "domain.drifted"]
    assert drifted[1]["data"]["wrong"] == [scene.name]
    assert ELSEWHERE in drifted[1]["why"]
    assert scene.domain in drifted[1]["title"]
    assert found["good_at"] == good_at
    assert found["state"] != "verified"


async def test_one_bad_look_is_told_to_nobody(scene: Scene, it: Lookout) -> None:
    scene.answer(EDGE)
    await it.look(scene.domain)
    await it.look(scene.domain, after=PACE.confirm)
    scene.answer()
    await it.look(scene.domain, after=PACE.interval)
    scene.answer(EDGE)
    await it.look(scene.domain, after=PACE.confirm)
    scene.answer()
    await it.look(scene.domain, after=PACE.interval)
    for server in (scene.own, scene.old, scene.new):
        server.is_silent = True  # says nothing about the records
    await it.look(scene.domain, after=PACE.confirm)

    assert [it["type"] for it in await told(scene.client)] == ["domain.verified"]


async def test_a_name_that_is_new_has_never_been_right(scene: Scene, it: Lookout) -> None:
    scene.answer(EDGE)
    await it.look(scene.domain)
    await it.look(scene.domain, after=PACE.confirm)
    notes = {"application": "notes", "options": {"password": "a b c d e"}}
    await scene.client.post(
        f"/deployments/{scene.deployment}/configuration",
        json={"applications": [{"application": "hello"}, notes]},
        headers=rigs.ANY_VERSION,
    )
    for _ in range(3):
        await it.look(scene.domain, after=PACE.confirm)

    assert [it["type"] for it in await told(scene.client)] == ["domain.verified"]


async def test_a_look_that_a_person_asks_for_counts(scene: Scene, it: Lookout) -> None:
    scene.answer(EDGE)
    await scene.check()
    await it.look(scene.domain)  # a day later

    assert [it["type"] for it in await told(scene.client)] == ["domain.verified"]


async def test_of_two_processes_one_looks(scene: Scene, it: Lookout, panel: PanelRig) -> None:
    async with panel.database() as database:
        other = lookout(panel, database)
        other.clock.at = it.clock.at
        await it.look(scene.domain)
        async with database.transaction() as tx:
            await tx.execute(
                "update domains set recheck_at = $2 where name = $1", scene.domain, it.clock.at
            )
        counts = await asyncio.gather(it.rounds.look_at_due(), other.rounds.look_at_due())

    assert sorted(counts) == [0, 1]


async def test_names_that_the_provider_publishes_are_not_asked_for(
    panel: PanelRig, it: Lookout
) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        looked = await it.look(deployment["domain"])
        found = await rigs.get(client, f"/domains/{deployment['domain']}")

    assert looked == 1
    assert (found["state"], found["checked_at"]) == ("published", None)


async def test_a_running_panel_looks_by_itself(panel: PanelRig, scene: Scene) -> None:
    scene.answer(EDGE)
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute(
            """update domains set recheck_at = now(), doubted_at = now() - interval '1 hour'
            where name = $1""",
            scene.domain,
        )

    await eventually(lambda: told(scene.client), within=rigs.SOON)
    [found] = await told(scene.client)
    shown = await rigs.get(scene.client, scene.path)
    assert found["type"] == "domain.verified"
    assert shown["state"] == "verified"
    assert shown["good_at"] == shown["checked_at"]
