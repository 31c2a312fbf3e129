"""Who acts for an operator: invitations, roles, and that somebody always owns it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Role
from shared import ids
from tests.support import panel as rigs
from tests.support.signing_in import PASSWORD, browser_of, with_password

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import PanelRig


async def invited(pages: httpx2.AsyncClient, role: str = "editor") -> str:
    """Invite somebody, and return the code of the link."""
    form = {"email": "Kim@garden.example", "role": role}
    answer = await pages.post("/people/invitations", data=form)
    assert answer.status_code == 200, answer.text
    [code] = set(re.findall(r"/invitation#(fdv_invite_\w+)", answer.text))
    return str(code)


def a_login(code: str) -> dict[str, str]:
    email = f"{ids.new_id()}@garden.example"
    return {"code": code, "name": "Kim", "email": email, "password": PASSWORD}


async def test_somebody_who_was_invited_joins_in_the_role_and_once(panel: PanelRig) -> None:
    owner = await panel.session()
    async with owner.browser() as pages, panel.browser() as guest:
        code = await invited(pages, "viewer")
        offered = await guest.post("/invitation", data={"code": code})
        joined = await guest.post("/invitation/accept", data=a_login(code))
        again = await guest.post("/invitation/accept", data=a_login(code))
        people = await pages.get("/people")
    async with browser_of(panel, joined) as newcomer:
        seen = await newcomer.get("/people")
        not_theirs = await newcomer.get("/people/invite")

    assert f"invites you to act for {owner.operator}" in offered.text
    assert "kim@garden.example" in offered.text
    assert joined.status_code == 303
    assert again.status_code == 422
    assert "Kim" in people.text
    assert "Invitations that wait" not in people.text
    assert owner.operator in seen.text
    assert "Invite somebody" not in seen.text
    assert not_theirs.status_code == 403


async def test_an_invitation_taken_by_many_at_once_lets_one_in(panel: PanelRig) -> None:
    owner = await panel.session()
    async with owner.browser() as pages, panel.browser() as guest:
        code = await invited(pages)
        answers = await asyncio.gather(
            *(guest.post("/invitation/accept", data=a_login(code)) for _ in range(3))
        )

    assert sorted(it.status_code for it in answers) == [303, 422, 422]


async def test_somebody_with_a_login_joins_and_acts_for_both(panel: PanelRig) -> None:
    owner, guest = await panel.session(), await panel.session()
    async with owner.browser() as pages, guest.browser() as theirs:
        code = await invited(pages, "owner")
        offered = await theirs.post("/invitation", data={"code": code})
        joined = await theirs.post("/invitation/join", data={"code": code})
        now = await theirs.get("/account/profile")
        [back] = re.findall(r'name="operator" value="(\w+)"', now.text)
        switched = await theirs.post("/account/operator", data={"operator": back})
        after = await theirs.get("/people")
        foreign = await theirs.post("/account/operator", data={"operator": ids.new_id()})

    assert "Join as Robin" in offered.text
    assert joined.status_code == 303
    assert owner.operator in now.text
    assert switched.status_code == 303
    assert guest.operator in after.text
    assert owner.operator not in after.text
    assert foreign.status_code == 404


async def test_a_letter_leads_whoever_acts_for_several_to_the_right_one(panel: PanelRig) -> None:
    owner, guest = await panel.session(), await panel.session()
    async with panel.operator(named=owner.operator) as client:
        theirs = (await rigs.get(client, "/me"))["operator"]
    letter = f"/for/{theirs}?next=/people"
    async with owner.browser() as pages, guest.browser() as browser:
        not_theirs = await browser.get(letter)
        await browser.post("/invitation/join", data={"code": await invited(pages, "owner")})
        [own] = re.findall(
            r'name="operator" value="(\w+)"', (await browser.get("/account/profile")).text
        )
        await browser.post("/account/operator", data={"operator": own})
        asked = await browser.get(letter)
        nothing = await browser.get(f"/runs/{ids.new_id()}")
        led = await browser.post(f"/for/{theirs}", data={"next": "/people"})
        shown = await browser.get("/people")
        again = await browser.get(letter)
        outside = await browser.get(f"/for/{theirs}?next=//elsewhere.example")

    assert not_theirs.status_code == 404
    assert f"This belongs to {owner.operator}" in asked.text
    assert nothing.status_code == 404
    assert f"You act for {guest.operator} now." in nothing.text
    assert led.headers["Location"] == again.headers["Location"] == "/people"
    assert owner.operator in shown.text
    assert outside.headers["Location"] == "/deployments"


@pytest.mark.parametrize("text", ["", "nonsense", "fdv_invite_" + "0" * 52])
async def test_what_is_no_invitation_opens_nothing(panel: PanelRig, text: str) -> None:
    async with panel.browser() as guest:
        answer = await guest.post("/invitation/accept", data=a_login(text))

    assert answer.status_code == 422
    assert "works once" in answer.text
    assert PASSWORD not in answer.text


async def test_an_invitation_that_was_taken_back_opens_nothing(panel: PanelRig) -> None:
    owner, stranger = await panel.session(), await panel.session()
    async with owner.browser() as pages, stranger.browser() as theirs, panel.browser() as guest:
        code = await invited(pages)
        listed = await pages.get("/people")
        [taken_back] = re.findall(r"/people/invitations/(\w+)/revoke", listed.text)
        by_stranger = await theirs.post(f"/people/invitations/{taken_back}/revoke")
        done = await pages.post(f"/people/invitations/{taken_back}/revoke")
        late = await guest.post("/invitation/accept", data=a_login(code))

    assert by_stranger.status_code == 404
    assert done.status_code == 303
    assert late.status_code == 422


@pytest.mark.parametrize("ending", ["leaves", "is removed", "becomes an editor"])
async def test_who_is_no_owner_any_more_invites_nobody(panel: PanelRig, ending: str) -> None:
    owner = await panel.session()
    former = await panel.session(operator=owner.operator)
    async with owner.browser() as pages, former.browser() as theirs, panel.browser() as guest:
        code, others = await invited(theirs, "owner"), await invited(pages)
        address = f"/people/{former.person}"
        match ending:
            case "leaves":
                ended = await theirs.post(f"{address}/remove")
            case "is removed":
                ended = await pages.post(f"{address}/remove")
            case _:
                ended = await pages.post(f"{address}/role", data={"role": "editor"})
        again = await pages.post(f"{address}/role", data={"role": "owner"})
        refused = await guest.post("/invitation/accept", data=a_login(code))
        good = await guest.post("/invitation/accept", data=a_login(others))

    assert ended.status_code == 303
    assert again.status_code == (303 if ending == "becomes an editor" else 404)
    assert refused.status_code == 422
    assert good.status_code == 303


async def test_an_invitation_by_somebody_who_left_before_is_none(panel: PanelRig) -> None:
    owner = await panel.session()
    async with owner.browser() as pages, panel.browser() as guest:
        code = await invited(pages)
        async with panel.database() as database, database.transaction() as tx:
            ended = "update memberships set ended_at = now() where person = $1"
            await tx.execute(ended, owner.person)
        answer = await guest.post("/invitation/accept", data=a_login(code))

    assert answer.status_code == 422


async def test_looking_at_people_waits_for_nobody(panel: PanelRig) -> None:
    owner = await panel.session()
    async with panel.database() as database, database.transaction() as tx:
        locked = "select 1 from memberships where person = $1 for no key update"
        await tx.execute(locked, owner.person)
        async with owner.browser() as pages:
            answer = await asyncio.wait_for(pages.get("/people"), 10)

    assert answer.status_code == 200


async def test_an_address_that_is_known_cannot_be_taken_by_an_invitation(panel: PanelRig) -> None:
    login, owner = await with_password(panel), await panel.session()
    async with owner.browser() as pages, panel.browser() as guest:
        code = await invited(pages)
        answer = await guest.post(
            "/invitation/accept", data={**a_login(code), "email": login.email.upper()}
        )
        good = await guest.post("/invitation/accept", data=a_login(code))

    assert answer.status_code == 422
    assert "cannot be used here" in answer.text
    assert good.status_code == 303


async def test_the_last_owner_can_neither_leave_nor_become_something_else(panel: PanelRig) -> None:
    owner = await panel.session()
    other = await panel.session(operator=owner.operator)
    async with owner.browser() as pages, other.browser() as theirs:
        both = await asyncio.gather(
            pages.post(f"/people/{owner.person}/remove"),
            theirs.post(f"/people/{other.person}/role", data={"role": "viewer"}),
        )
        async with panel.database() as database, database.transaction() as tx:
            owners = await tx.fetchval(
                """select count(1) from memberships join operators on operators.id = operator
                where name = $1 and role = 'owner' and ended_at is null""",
                owner.operator,
            )

    assert sorted(it.status_code for it in both) == [303, 422]
    assert owners == 1


async def test_who_is_removed_is_out_at_once(panel: PanelRig) -> None:
    owner = await panel.session()
    editor = await panel.session(role=Role.EDITOR, operator=owner.operator)
    async with owner.browser() as pages, editor.browser() as theirs:
        own_role = await theirs.post(f"/people/{editor.person}/role", data={"role": "owner"})
        others = await theirs.post(f"/people/{owner.person}/remove")
        before = await theirs.get("/people")
        removed = await pages.post(f"/people/{editor.person}/remove")
        after = await theirs.get("/people")
        unknown = await pages.post(f"/people/{ids.new_id()}/remove")
        shown = await pages.get("/people")

    assert (own_role.status_code, others.status_code) == (403, 403)
    assert before.status_code == 200
    assert removed.status_code == 303
    assert after.headers["location"].startswith("/sign-in")
    assert unknown.status_code == 404
    assert shown.text.count("<tr role") == 2


async def test_a_role_counts_at_once(panel: PanelRig) -> None:
    owner = await panel.session()
    viewer = await panel.session(role=Role.VIEWER, operator=owner.operator)
    async with owner.browser() as pages, viewer.browser() as theirs:
        before = await theirs.get("/people/invite")
        done = await pages.post(f"/people/{viewer.person}/role", data={"role": "owner"})
        after = await theirs.get("/people/invite")

    assert (before.status_code, done.status_code, after.status_code) == (403, 303, 200)


async def test_names_are_shown_as_text(panel: PanelRig) -> None:
    person = await panel.session()
    name = "<script>alert(1)</script> \u202eRobin"
    form = {"name": name, "email": "", "language": "xx", "time_zone": "Europe/Amsterdam"}
    async with person.browser() as pages:
        refused = await pages.post("/account/profile", data=form)
        form["name"] = "<script>alert(1)</script>"
        done = await pages.post("/account/profile", data=form)
        shown = await pages.get("/people")
        nowhere = await pages.post("/account/profile", data={**form, "time_zone": "../../etc"})

    assert refused.status_code == 422
    assert done.status_code == 303
    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert nowhere.status_code == 422
