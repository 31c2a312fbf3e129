"""Tokens, sessions, people and the audit trail over REST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.panel.domain.identity import Scope
from shared import ids
from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

EVERYTHING = (Scope.READ, Scope.WRITE, Scope.ACCESS)


async def test_a_token_makes_a_lesser_one_that_ends_no_later(panel: PanelRig) -> None:
    ends = datetime.now(UTC) + timedelta(days=3)
    maker = await panel.token(scopes=(Scope.READ, Scope.ACCESS), expires_at=ends)
    async with panel.client(maker) as client:
        wish = {"name": "reads", "scopes": ["deployments:read"], "days": 30}
        made = await client.post("/tokens", json=wish)
        more = await client.post("/tokens", json={**wish, "scopes": ["deployments:write"]})
        kept = await client.post("/tokens", json=wish, headers={"Idempotency-Key": "x"})
        async with panel.client(made.json()["token"]) as lesser:
            me = await rigs.get(lesser, "/me")
        revoked = await client.delete(f"/tokens/{made.json()['id']}")
        gone = await client.get(f"/tokens/{made.json()['id']}")

    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/tokens/{made.json()['id']}"
    assert me["scopes"] == ["deployments:read"]
    assert datetime.fromisoformat(me["expires_at"]) == ends
    assert (more.status_code, kept.status_code) == (403, 422)
    assert (revoked.status_code, gone.status_code) == (204, 404)


async def test_people_and_invitations_are_seen_to_by_programs(panel: PanelRig) -> None:
    operator = f"Operator {ids.new_id()}"
    async with panel.operator(*EVERYTHING, named=operator) as client, panel.browser() as guest:
        asked = {"email": "kim@garden.example", "role": "viewer"}
        invitation = (await client.post("/invitations", json=asked)).json()
        waiting = await rigs.get(client, "/invitations")
        code = invitation["link"].partition("#")[2]
        email = f"{ids.new_id()}@garden.example"
        await guest.post(
            "/invitation/accept",
            data={"code": code, "name": "Kim", "email": email, "password": "mules paint bridges"},
        )
        [me, kim] = (await rigs.get(client, "/people"))["items"]
        role = await client.put(f"/people/{kim['id']}/role", json={"role": "editor"})
        last = await client.delete(f"/people/{me['id']}")
        removed = await client.delete(f"/people/{kim['id']}")
        left = await rigs.get(client, "/people")

    assert [it["id"] for it in waiting["items"]] == [invitation["id"]]
    assert (kim["email"], kim["role"], kim["has_second_factor"]) == (email, "viewer", False)
    assert (role.status_code, last.status_code, removed.status_code) == (204, 409, 204)
    assert last.json()["code"] == "membership.last_owner"
    assert len(left["items"]) == 1


async def test_the_audit_trail_names_what_asked_and_from_where(panel: PanelRig) -> None:
    async with panel.operator(*EVERYTHING) as client:
        created = await rigs.create(client)
        made = await client.post("/tokens", json={"name": "x", "scopes": ["access"]})
        trail = await rigs.get(client, "/audit-events")
        tokens = await rigs.get(client, "/audit-events?action=token&limit=1")
        of_object = await rigs.get(client, f"/audit-events?object={created['id']}")
        nonsense = await client.get("/audit-events?action=drop%20table")
        late = await rigs.get(client, "/audit-events?since=2999-01-01T00:00:00Z")

    assert trail["items"][0]["action"] == "token.created"
    assert trail["items"][0]["object"] == made.json()["id"]
    assert trail["items"][0]["address"] == "127.0.0.1"
    assert trail["items"][0]["request"] == made.headers["x-request-id"]
    assert trail["items"][0]["token_name"] == "test"  # noqa: S105 - a name
    assert [it["action"] for it in tokens["items"]] == ["token.created"]
    assert "deployment.created" in {it["action"] for it in of_object["items"]}
    assert nonsense.status_code == 422
    assert late["items"] == []
