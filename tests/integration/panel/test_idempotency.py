"""The same Idempotency-Key has its effect once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

KEY = {"Idempotency-Key": "one"}


async def test_the_same_key_gives_the_same_run(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}"
        first = await client.post(f"{path}/deploy", headers=KEY)
        second = await client.post(f"{path}/deploy", headers=KEY)
        third = await client.post(f"{path}/deploy", headers={"Idempotency-Key": "two"})
        runs = await rigs.get(client, f"{path}/runs")

    assert second.status_code == first.status_code == 202
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    assert third.json()["id"] != first.json()["id"]
    assert len(runs["items"]) == 2


async def test_ten_requests_at_once_with_one_key_are_one_run(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}"
        asked = [client.post(f"{path}/deploy", headers=KEY) for _ in range(10)]
        answers = await asyncio.gather(*asked)
        runs = await rigs.get(client, f"{path}/runs")

    assert {it.status_code for it in answers} == {202}
    assert len({it.json()["id"] for it in answers}) == 1
    assert len(runs["items"]) == 1


async def test_the_same_key_with_another_body_is_refused(panel: PanelRig) -> None:
    wish = {"domain": rigs.a_domain(), "applications": [{"application": "hello"}]}
    async with panel.operator() as client:
        made = await client.post("/deployments", json=wish, headers=KEY)
        again = await client.post("/deployments", json=wish, headers=KEY)
        other = await client.post(
            "/deployments", json={**wish, "domain": rigs.a_domain()}, headers=KEY
        )
        listed = await rigs.get(client, "/deployments")

    assert again.json() == made.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.other_body")
    assert len(listed["items"]) == 1


async def test_a_refused_request_does_not_use_up_its_key(panel: PanelRig) -> None:
    wish = {"domain": "garden", "applications": [{"application": "hello"}]}
    async with panel.operator() as client:
        refused = await client.post("/deployments", json=wish, headers=KEY)
        made = await client.post(
            "/deployments", json={**wish, "domain": rigs.a_domain()}, headers=KEY
        )

    assert (refused.status_code, made.status_code) == (422, 201)


async def test_a_key_belongs_to_its_token_and_its_route(panel: PanelRig) -> None:
    async with panel.operator() as one, panel.operator() as other:
        runs = []
        for client in (one, one, other):
            deployment = await rigs.create(client)
            runs.append((await rigs.deploy(client, deployment["id"], key="one"))["id"])

    assert len(set(runs)) == 3
