"""Tags, conditions, parts of lists and refusals, as every route of a real panel keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.panel.adapters.postgres_ledgers import PostgresIdempotencyLedger
from services.panel.domain.records import IdempotentRequest
from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

WISH = {"applications": [{"application": "hello", "options": {"title": "Another"}}]}


async def test_what_did_not_change_is_not_sent_again(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}"
        for address in (path, f"{path}/configuration", "/me", "/applications", "/deployments"):
            first = await client.get(address)
            same = await client.get(address, headers={"If-None-Match": first.headers["etag"]})
            assert (same.status_code, same.content) == (304, b""), address
            assert same.headers["etag"] == first.headers["etag"]
            assert same.headers["cache-control"] == "no-store"
        before = await client.get(path)
        await rigs.deploy(client, deployment["id"])
        after = await client.get(path, headers={"If-None-Match": before.headers["etag"]})

    assert after.status_code == 200
    assert after.json()["status"] == "deploying"


async def test_a_configuration_is_replaced_only_by_who_has_seen_it(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        path = f"/deployments/{deployment['id']}/configuration"
        seen = (await client.get(path)).headers["etag"]
        blind = await client.post(path, json=WISH)
        await rigs.deploy(client, deployment["id"])  # which makes no edit stale
        made = await client.post(path, json=WISH, headers={"If-Match": seen})
        stale = await client.post(path, json=WISH, headers={"If-Match": seen})
        again = await client.post(path, json=WISH, headers={"If-Match": made.headers["etag"]})

    assert (blind.status_code, blind.json()["code"]) == (428, "request.no_if_match")
    assert made.json()["staged"]["version"] == 2
    assert (stale.status_code, stale.json()["code"]) == (412, "configuration.stale")
    assert stale.json()["current"] == 2
    assert again.status_code == 200


async def test_a_list_names_the_address_of_what_follows(panel: PanelRig) -> None:
    async with panel.operator() as client:
        made = [(await rigs.create(client))["id"] for _ in range(3)]
        seen, address = [], "/deployments?limit=1&removed=true"
        for _ in range(3):
            answer = await client.get(address)
            seen += [it["id"] for it in answer.json()["items"]]
            link = answer.headers["link"]
            assert link.endswith('>; rel="next"')
            assert "removed=true" in link
            address = panel.url + link[1:].partition(">")[0]
        last = await client.get(address)
        formerly = await rigs.get(client, f"/deployments?limit=2&before={made[1]}")
        nonsense = await client.get("/deployments?cursor=c123")

    assert seen == made[::-1]
    assert "link" not in last.headers
    assert [it["id"] for it in formerly["items"]] == made[:1]
    assert (nonsense.status_code, nonsense.json()["code"]) == (422, "cursor.invalid")


async def test_events_as_json_name_where_they_go_on(panel: PanelRig) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        answer = await client.get(f"/runs/{run['id']}/events")

    assert answer.json()["next"] is None
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "accept", "status"),
    [
        ("GET", "/me", "text/html", 406),
        ("GET", "/me", "text/html, */*;q=0.1", 200),
        ("GET", "/applications/hello/schema", "application/schema+json", 200),
        ("GET", "/applications/hello/schema", "application/json", 406),
        ("POST", "/deployments", "text/html", 406),
        ("GET", "/nothing", "text/html", 404),
    ],
)
async def test_an_answer_that_the_client_cannot_read_is_not_sent(
    panel: PanelRig, method: str, path: str, accept: str, status: int
) -> None:
    async with panel.operator() as client:
        answer = await client.request(method, path, headers={"Accept": accept})

    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_key_whose_first_request_goes_on_is_refused_for_the_moment(
    panel: PanelRig,
) -> None:
    ledger = PostgresIdempotencyLedger()
    async with panel.operator() as client, panel.database() as database:
        deployment = await rigs.create(client)
        path = f"/api/v1/deployments/{deployment['id']}/deploy"
        person = (await rigs.get(client, "/me"))["person"]
        async with database.transaction() as tx:
            token = await tx.fetchval("select id from tokens where person = $1", person)
            request = IdempotentRequest(
                credential=token, route=f"POST {path}", key="one", body_digest=b""
            )
            await ledger.claim(tx, request)
            answer = await client.post(panel.url + path, headers={"Idempotency-Key": "one"})

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "idempotency.running")
    assert answer.headers["retry-after"] == str(problem["retry_after"]) == "1"


async def test_everybody_is_told_how_often_they_may_ask(panel: PanelRig) -> None:
    async with panel.operator() as client:
        await client.get("/me")
        known = await client.get("/me")
    async with panel.client(None) as stranger:
        unknown = await stranger.get("/me")

    assert known.headers["ratelimit-policy"].startswith('"api";q=')
    assert known.headers["ratelimit"].startswith('"api";r=')
    assert unknown.headers["ratelimit-policy"].startswith('"unknown";q=')
