"""API tokens and activity by browser."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from services.panel.domain.identity import Role
from shared import ids
from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def test_a_token_is_shown_once_works_and_is_revoked(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        form = await pages.get("/account/tokens/new")
        made = await pages.post(
            "/account/tokens", data={"name": "deploys", "scopes": ["deployments:read"], "days": "7"}
        )
        [token] = re.findall(r"<code>(fdv_\w+)</code>", made.text)
        listed = await pages.get("/account/tokens")
        [revoked] = re.findall(r"/account/tokens/(\w+)/revoke", listed.text)
        async with panel.client(token) as client:
            may = await client.get("/deployments")
            may_not = await client.post("/deployments", json={"domain": rigs.a_domain()})
            await pages.post(f"/account/tokens/{revoked}/revoke")
            after = await client.get("/deployments")

    assert form.status_code == 200
    assert token not in listed.text
    assert (may.status_code, after.status_code) == (200, 401)
    assert may_not.status_code in {403, 422}


async def test_a_token_may_do_no_more_than_its_person(panel: PanelRig) -> None:
    viewer = await panel.session(role=Role.VIEWER)
    async with viewer.browser() as pages:
        too_much = await pages.post(
            "/account/tokens", data={"name": "x", "scopes": "deployments:write", "days": "7"}
        )
        providers = await pages.post(
            "/account/tokens", data={"name": "x", "scopes": "provider", "days": "7"}
        )
        too_long = await pages.post(
            "/account/tokens", data={"name": "", "scopes": "deployments:read", "days": "366"}
        )
        none = await pages.post("/account/tokens", data={"name": "x", "days": "7"})

    assert (too_much.status_code, providers.status_code) == (403, 403)
    assert (too_long.status_code, none.status_code) == (422, 422)
    assert "Choose what the token may do" in none.text


async def test_tokens_of_others_are_for_owners(panel: PanelRig) -> None:
    owner = await panel.session()
    editor = await panel.session(role=Role.EDITOR, operator=owner.operator)
    stranger = await panel.session()
    wish = {"name": "of the owner", "scopes": "deployments:read", "days": "7"}
    async with owner.browser() as pages, editor.browser() as theirs, stranger.browser() as other:
        await pages.post("/account/tokens", data=wish)
        await theirs.post("/account/tokens", data={**wish, "name": "of the editor"})
        of_owner, of_editor = (
            await pages.get("/account/tokens"),
            await theirs.get("/account/tokens"),
        )
        [token] = re.findall(r"/account/tokens/(\w+)/revoke", of_editor.text)
        by_stranger = await other.post(f"/account/tokens/{token}/revoke")
        by_owner = await pages.post(f"/account/tokens/{token}/revoke")

    assert "of the editor" in of_owner.text
    assert "of the owner" not in of_editor.text
    assert (by_stranger.status_code, by_owner.status_code) == (404, 303)


async def test_activity_is_narrowed_down(panel: PanelRig) -> None:
    owner = await panel.session()
    viewer = await panel.session(role=Role.VIEWER, operator=owner.operator)
    async with owner.browser() as pages:
        wish = {"name": "deploys", "scopes": "deployments:read", "days": "7"}
        await pages.post("/account/tokens", data=wish)
        await pages.post("/account/sessions/end-others")
        everything = await pages.get("/activity")
        tokens_only = await pages.get("/activity?action=token")
        of_viewer = await pages.get(f"/activity?person={viewer.person}")
        later = await pages.get("/activity?since=2999-01-01")
        nonsense = await pages.get("/activity?since=yesterday")

    assert "made an API token" in everything.text
    assert "signed out everywhere else" in everything.text
    assert "signed out everywhere else" not in tokens_only.text
    assert "Nothing to show" in of_viewer.text
    assert "Nothing to show" in later.text
    assert nonsense.status_code == 422


async def test_activity_is_taken_away(panel: PanelRig) -> None:
    owner = await panel.session()
    viewer = await panel.session(role=Role.VIEWER, operator=owner.operator)
    async with owner.browser() as pages, viewer.browser() as theirs:
        wish = {"name": "=cmd()", "scopes": "deployments:read", "days": "7"}
        await pages.post("/account/tokens", data=wish)
        as_csv = await pages.get("/activity/export?format=csv&action=token")
        as_json = await pages.get("/activity/export?format=json")
        nonsense = await pages.get("/activity/export?since=yesterday")
        seen = await theirs.get("/activity/export?format=json")

    [row] = csv.DictReader(io.StringIO(as_csv.text))
    assert row["action"] == "token.created"
    assert '"name": "=cmd()"' in row["details"]
    assert "attachment" in as_csv.headers["content-disposition"]
    assert [it["action"] for it in as_json.json()] == ["token.created"]
    assert [it["address"] for it in as_json.json()] == ["127.0.0.1"]
    assert [it["address"] for it in seen.json()] == [None]
    assert nonsense.status_code == 422


async def test_activity_of_others_is_not_seen(panel: PanelRig) -> None:
    owner, stranger = await panel.session(), await panel.session()
    async with owner.browser() as pages, stranger.browser() as theirs:
        await pages.post("/account/sessions/end-others")
        seen = await theirs.get(f"/activity?person={owner.person}")
        nobody = await theirs.get(f"/activity?person={ids.new_id()}")

    assert "Nothing to show" in seen.text
    assert "Nothing to show" in nobody.text


async def test_long_lists_come_in_parts(panel: PanelRig) -> None:
    owner = await panel.session()
    async with owner.browser() as pages:
        for _ in range(27):
            await pages.post("/account/sessions/end-others")
        first = await pages.get("/activity?action=session")
        [older] = re.findall(r'href="(/activity\?action=session&amp;before=\w+)"', first.text)
        second = await pages.get(older.replace("&amp;", "&"))

    assert (first.text.count("<tr role"), second.text.count("<tr role")) == (26, 3)
    assert "Newest" in second.text


async def test_a_day_that_has_no_place_in_every_time_zone_is_none(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        late = await pages.get("/activity?until=9999-12-31")
        early = await pages.get("/activity?since=0001-01-01")
    async with panel.operator() as client:
        over_rest = await client.get("/audit-events?since=0001-01-01T00:00:00%2B14:00")

    assert (late.status_code, early.status_code) == (422, 422)
    assert over_rest.status_code == 200


async def test_a_key_that_is_none_of_a_form_is_left_out(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        form = {"domain": rigs.a_domain(), "key": "a\0b"}
        answer = await pages.post(f"/deployments/{ids.new_id()}/pause", data=form)

    assert answer.status_code == 404


async def test_the_trail_hides_what_is_hidden_elsewhere(panel: PanelRig) -> None:
    operator = f"Operator {ids.new_id()}"
    owner = await panel.session(operator=operator)
    viewer = await panel.token(role=Role.VIEWER, operator=operator)
    editor = await panel.token(role=Role.EDITOR, operator=operator)
    place = {"url": "http://127.0.0.1:9999/", "description": "a\0b", "types": ["run.failed"]}
    async with owner.browser() as pages, panel.client(viewer) as looks, panel.client(editor) as may:
        asked = {"email": "kim@garden.example", "role": "viewer"}
        invited = await pages.post("/people/invitations", data=asked)
        made = await pages.post("/settings/webhooks/new", data=place)
        assert (invited.status_code, made.status_code) == (200, 200), made.text
        seen = {}
        for who, client in (("viewer", looks), ("editor", may)):
            for subject in ("invitation", "webhook"):
                [entry] = (await rigs.get(client, f"/audit-events?action={subject}"))["items"]
                seen[who, subject] = entry["details"]
        own = (await pages.get("/activity?action=invitation")).text

    assert seen["viewer", "invitation"] == seen["viewer", "webhook"] == {}
    assert seen["editor", "invitation"] == {}
    assert seen["editor", "webhook"]["url"] == "http://127.0.0.1:9999"
    assert asked["email"] in own
