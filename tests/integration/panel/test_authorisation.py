"""Every route, asked by everybody who may not: the expected answers are written by hand."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from services.panel.domain.identity import Role, Scope
from shared import ids
from shared.contracts.everyone import MessageDeadLettered
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

BODY = {"domain": "x.localhost", "applications": [{"application": "hello"}]}
STAGED = {"applications": [{"application": "hello"}]}
ENDPOINT = {"url": "http://127.0.0.1:9999/hook"}
CHOICES = {"choices": [{"topic": "health", "channel": "bell", "wanted": True}]}

# Route → status for: nobody, another operator, without the scope, a viewer.
EXPECTED = {
    "GET /api/v1/me": (401, 200, 200, 200),
    "GET /api/v1/applications": (401, 200, 200, 200),
    "GET /api/v1/applications/{name}": (401, 200, 200, 200),
    "GET /api/v1/applications/{name}/schema": (401, 200, 200, 200),
    "GET /api/v1/deployments": (401, 200, 403, 200),
    "POST /api/v1/deployments": (401, 409, 403, 403),
    "GET /api/v1/deployments/{deployment}": (401, 404, 403, 200),
    "DELETE /api/v1/deployments/{deployment}": (401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/configuration": (401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/configuration": (401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/configuration/changes": (401, 404, 403, 200),
    "GET /api/v1/deployments/{deployment}/revisions": (401, 404, 403, 200),
    "GET /api/v1/deployments/{deployment}/revisions/{number}": (401, 404, 403, 200),
    "GET /api/v1/deployments/{deployment}/revisions/{number}/changes": (401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/revisions/{number}/deploy": (401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/deploy": (401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/pause": (401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/resume": (401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/restart": (401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/backups": (401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/backups": (401, 404, 403, 403),
    "GET /api/v1/backups": (401, 200, 403, 200),
    "GET /api/v1/backups/{backup}": (401, 404, 403, 200),
    "DELETE /api/v1/backups/{backup}": (401, 404, 403, 403),
    "POST /api/v1/backups/{backup}/restore": (401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/credentials": (401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/credentials/{application}/reveal": (401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/runs": (401, 404, 403, 200),
    "GET /api/v1/runs/{run}": (401, 404, 403, 200),
    "GET /api/v1/runs/{run}/events": (401, 404, 403, 200),
    "POST /api/v1/runs/{run}/cancel": (401, 404, 403, 403),
    "POST /api/v1/runs/{run}/retry": (401, 404, 403, 403),
    "GET /api/v1/domains": (401, 200, 403, 200),
    "GET /api/v1/domains/{domain}": (401, 404, 403, 200),
    "POST /api/v1/domains/{domain}/checks": (401, 404, 403, 403),
    "GET /api/v1/notifications": (401, 200, 403, 200),
    "GET /api/v1/notifications/unread": (401, 200, 403, 200),
    "POST /api/v1/notifications/read": (401, 204, 403, 204),
    "POST /api/v1/notifications/{notification}/read": (401, 404, 403, 404),
    "GET /api/v1/notifications/choices": (401, 200, 403, 200),
    "PATCH /api/v1/notifications/choices": (401, 200, 403, 200),
    # The address of an endpoint may be a secret: who may not change it does not see it.
    "GET /api/v1/webhook-endpoints": (401, 200, 403, 403),
    "POST /api/v1/webhook-endpoints": (401, 201, 403, 403),
    "GET /api/v1/webhook-endpoints/{endpoint}": (401, 404, 403, 403),
    "PATCH /api/v1/webhook-endpoints/{endpoint}": (401, 404, 403, 403),
    "DELETE /api/v1/webhook-endpoints/{endpoint}": (401, 404, 403, 403),
    "POST /api/v1/webhook-endpoints/{endpoint}/rotate": (401, 404, 403, 403),
    "POST /api/v1/webhook-endpoints/{endpoint}/test": (401, 404, 403, 403),
    "GET /api/v1/webhook-endpoints/{endpoint}/deliveries": (401, 404, 403, 403),
    "GET /api/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}": (401, 404, 403, 403),
    "POST /api/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/resend": (401, 404, 403, 403),
    "GET /api/v1/notice": (401, 200, 200, 200),
    "GET /api/v1/provider/operators": (401, 403, 403, 403),
    "GET /api/v1/provider/operators/{operator}": (401, 403, 403, 403),
    "PUT /api/v1/provider/operators/{operator}/quota": (401, 403, 403, 403),
    "GET /api/v1/provider/runs": (401, 403, 403, 403),
    "GET /api/v1/provider/machines": (401, 403, 403, 403),
    "PUT /api/v1/provider/applications/{name}/withheld": (401, 403, 403, 403),
    "DELETE /api/v1/provider/applications/{name}/withheld": (401, 403, 403, 403),
    "PUT /api/v1/provider/notice": (401, 403, 403, 403),
    "DELETE /api/v1/provider/notice": (401, 403, 403, 403),
    "GET /api/v1/dead-letters": (401, 403, 403, 403),
    "GET /api/v1/dead-letters/{letter}": (401, 403, 403, 403),
    "POST /api/v1/dead-letters/{letter}/replay": (401, 403, 403, 403),
    "POST /api/v1/dead-letters/{letter}/discard": (401, 403, 403, 403),
}
BODIES: Final[dict[str, object]] = {
    "POST /api/v1/deployments/{deployment}/configuration": STAGED,
    "POST /api/v1/backups/{backup}/restore": {},
    "PUT /api/v1/provider/operators/{operator}/quota": {},
    "PUT /api/v1/provider/applications/{name}/withheld": {"reason": "x"},
    "PATCH /api/v1/notifications/choices": CHOICES,
    "POST /api/v1/webhook-endpoints": ENDPOINT,
    "PATCH /api/v1/webhook-endpoints/{endpoint}": {"enabled": False},
    "POST /api/v1/webhook-endpoints/{endpoint}/rotate": {},
    "PUT /api/v1/provider/notice": {"message": "x"},
}
READING = frozenset({"GET"})


async def test_every_route_answers_those_who_may_not_as_the_table_says(panel: PanelRig) -> None:
    operator = f"Owner {ids.new_id()}"
    async with panel.operator(named=operator) as owner, rigs.an_application() as url:
        deployment = await runs.live(panel, owner, url)
        backup = await runs.backed_up(panel, owner, deployment["id"])
        run = await rigs.deploy(owner, deployment["id"])
        document = await rigs.get(owner, "/openapi.json")
        made = await owner.post("/webhook-endpoints", json=ENDPOINT)
        sent = await owner.post(f"/webhook-endpoints/{made.json()['id']}/test")
    bodies = BODIES | {"POST /api/v1/deployments": {**BODY, "domain": deployment["domain"]}}
    places = {
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
        await panel.token(),
        await panel.token(scopes=(), operator=operator),
        await panel.token(scopes=tuple(Scope), role=Role.VIEWER, operator=operator),
    )

    seen = {}
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

    assert seen == EXPECTED


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
