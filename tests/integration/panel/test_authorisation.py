"""Every route, asked by everybody who may not: the expected answers are written by hand."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Role, Scope
from shared import ids
from shared.contracts.everyone import MessageDeadLettered
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support import route_tables as tables
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def of_access(panel: PanelRig, operator: str) -> dict[str, str]:
    """Return ids of what lets people and programs of an operator in."""
    person = await panel.session(operator=operator)
    async with panel.operator(Scope.READ, Scope.ACCESS, named=operator) as owner:
        made = await owner.post("/tokens", json=tables.BODIES["POST /api/v1/tokens"])
        asked = await owner.post("/invitations", json=tables.BODIES["POST /api/v1/invitations"])
    return {
        "token": made.json()["id"],
        "invitation": asked.json()["id"],
        "session": person.session,
        "person": person.person,
    }


async def test_every_route_answers_those_who_may_not_as_the_table_says(panel: PanelRig) -> None:
    operator = f"Owner {ids.new_id()}"
    async with panel.operator(named=operator) as owner, rigs.an_application() as url:
        deployment = await runs.live(panel, owner, url)
        backup = await runs.backed_up(panel, owner, deployment["id"])
        run = await rigs.deploy(owner, deployment["id"])
        document = await rigs.get(owner, "/openapi.json")
        made = await owner.post("/webhook-endpoints", json=tables.ENDPOINT)
        sent = await owner.post(f"/webhook-endpoints/{made.json()['id']}/test")
    bodies = tables.BODIES | {
        "POST /api/v1/deployments": {**tables.BODY, "domain": deployment["domain"]}
    }
    places = await of_access(panel, operator) | {
        "operator": ids.new_id(),
        "domain": deployment["domain"],
        "name": "hello",
        "deployment": deployment["id"],
        "application": "hello",
        "run": run["id"],
        "backup": backup["id"],
        "letter": ids.new_id(),
        "notification": ids.new_id(),
        "endpoint": made.json()["id"],
        "delivery": sent.json()["id"],
        "number": "1",
    }
    tokens = (
        None,
        await panel.token(operator=operator, expires_at=datetime.now(UTC) - timedelta(seconds=1)),
        await panel.token(scopes=(Scope.READ, Scope.WRITE, Scope.ACCESS)),
        await panel.token(scopes=(), operator=operator),
        await panel.token(scopes=tuple(Scope), role=Role.VIEWER, operator=operator),
    )

    seen: dict[str, tables.Answers] = {}
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(panel.client(it)) for it in tokens]
        for path, operations in document["paths"].items():
            url = panel.url + path.format_map(places)
            for method in operations:
                route = f"{method.upper()} {path}"
                answers = [
                    await it.request(method, url, json=bodies.get(route), headers=rigs.ANY_VERSION)
                    for it in clients
                ]
                seen[route] = tuple(it.status_code for it in answers)

    assert tables.differences(seen, tables.REST) == []


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (None, "token.missing"),
        ("fdv_short", "token.unknown"),
        ("fdv_" + "0" * 59, "token.unknown"),
        ("another kind", "token.unknown"),
    ],
)
async def test_without_a_good_token_nothing_is_shown(
    panel: PanelRig, token: str | None, code: str
) -> None:
    async with panel.client(token) as client:
        answer = await client.get("/me")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == code


async def test_a_token_ends_with_its_time_and_with_its_revocation(panel: PanelRig) -> None:
    expired = await panel.token(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    good = await panel.token(expires_at=datetime.now(UTC) + timedelta(hours=1))
    async with panel.client(expired) as late, panel.client(good) as client:
        refused = await late.get("/me")
        me = await rigs.get(client, "/me")
        async with panel.database() as database, database.transaction() as tx:
            await tx.execute("update tokens set revoked_at = now() where person = $1", me["person"])
        revoked = await client.get("/me")

    assert refused.json()["code"] == "token.expired"
    assert me["scopes"] == ["deployments:read", "deployments:write"]
    assert (revoked.status_code, revoked.json()["code"]) == (401, "token.revoked")


async def test_a_stranger_cannot_tell_what_exists(panel: PanelRig) -> None:
    async with panel.operator() as owner, panel.operator() as stranger:
        deployment = await rigs.create(owner)
        theirs = await stranger.get(f"/deployments/{deployment['id']}")
        nobodys = await stranger.get(f"/deployments/{ids.new_id()}")

    differing = {"instance", "request_id"}
    assert {k: v for k, v in theirs.json().items() if k not in differing} == {
        k: v for k, v in nobodys.json().items() if k not in differing
    }


async def test_dead_letters_are_for_the_provider(panel: PanelRig) -> None:
    letter = MessageDeadLettered(
        deployment=ids.new_id(),
        service="storage",
        dead_letter=ids.new_id(),
        message=ids.new_id(),
        event="DeploymentRequested",
        reason="for the provider only",
    )
    await panel.say("storage", letter)
    async with panel.operator(Scope.PROVIDER) as provider, panel.operator() as operator:

        async def is_known() -> bool:
            path = f"/dead-letters/{letter.dead_letter}"
            return (await provider.get(path)).is_success

        await eventually(is_known, within=rigs.SOON)
        refused = await operator.get(f"/dead-letters/{letter.dead_letter}")

    assert refused.status_code == 403
    assert "for the provider only" not in refused.text
