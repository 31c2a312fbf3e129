"""The hosting provider's pages: for its people alone, usable without scripts, open to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.panel.domain.identity import Scope
from shared import ids
from tests.support import panel as rigs
from tests.support.eventually import eventually
from tests.support.panel_runs import a_letter

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")
TABS = ("", "/dead-letters", "/operators", "/machines", "/applications", "/activity", "/notice")
NOTICE = "Tonight at two <b>all machines</b> restart."


async def held(panel: PanelRig) -> str:
    """Let a run be held by a message that storage cannot handle."""
    async with panel.operator() as client, panel.operator(Scope.PROVIDER) as boss:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        event = a_letter(run, reason="operator: <i>Field required</i>")
        await panel.say("storage", event)

        async def is_known() -> bool:
            return (await boss.get(f"/dead-letters/{event.dead_letter}")).is_success

        await eventually(is_known, within=rigs.SOON)
    return event.dead_letter


async def test_a_message_is_handed_over_again_or_given_up(panel: PanelRig) -> None:
    letter = await held(panel)
    person = await panel.session(provider=True)
    path = f"/provider/dead-letters/{letter}"
    async with person.browser() as pages:
        runs = (await pages.get("/provider")).text
        waiting = (await pages.get(path)).text
        again = await pages.post(f"{path}/replay")
        replayed = (await pages.get(path)).text
        asked = (await pages.get(f"{path}/discard")).text
        await pages.post(f"{path}/discard")
        given_up = (await pages.get(path)).text
        listed = (await pages.get("/provider/dead-letters?decided=yes")).text

    assert path in runs
    assert "operator: &lt;i&gt;Field required" in waiting
    assert (again.status_code, again.headers["location"]) == (303, path)
    assert "Handed over again" in replayed
    assert "This cannot be undone" in asked
    assert "Given up" in given_up
    assert "Hand it over again" not in given_up
    assert path in listed


async def test_a_quota_is_set_by_a_form_that_keeps_what_was_written(panel: PanelRig) -> None:
    name = f"Operator {ids.new_id()}"
    person = await panel.session(operator=name, provider=True)
    async with panel.operator(named=name) as client, person.browser() as pages:
        operator = (await rigs.get(client, "/me"))["operator"]
        path = f"/provider/operators/{operator}"
        form = {"version": "0", "deployments": "3", "applications": "", "storage_gib": "40"}
        saved = await pages.post(f"{path}/quota", data=form)
        shown = (await pages.get(path)).text
        stale = await pages.post(f"{path}/quota", data=form | {"deployments": "9"})
        wrong = await pages.post(f"{path}/quota", data=form | {"version": "1", "deployments": "a"})
        listed = (await pages.get("/provider/operators")).text

    assert (saved.status_code, saved.headers["location"]) == (303, path)
    assert 'value="40"' in shown
    assert "Has 0; may have: 3." in shown
    assert stale.status_code == 409
    assert "Somebody else changed this meanwhile" in stale.text
    assert 'value="9"' in stale.text
    assert wrong.status_code == 422
    assert "Give a whole number" in wrong.text
    assert 'value="a"' in wrong.text
    assert name in listed


async def test_an_application_is_withheld_with_a_reason_and_offered_again(
    panel: PanelRig,
) -> None:
    person = await panel.session(provider=True)
    path = "/provider/applications/notes"
    async with person.browser() as pages:
        asked = await pages.get(f"{path}/withhold")
        empty = await pages.post(f"{path}/withhold", data={"reason": " "})
        done = await pages.post(f"{path}/withhold", data={"reason": "A fix is on its way."})
        try:
            shown = (await pages.get("/provider/applications")).text
        finally:
            await pages.post(f"{path}/offer")
        again = (await pages.get("/provider/applications")).text
        unknown = await pages.get("/provider/applications/nothing/withhold")

    assert asked.status_code == 200
    assert (empty.status_code, done.status_code) == (422, 303)
    assert "A fix is on its way." in shown
    assert "A fix is on its way." not in again
    assert unknown.status_code == 404


async def test_a_notice_is_at_the_top_of_every_page_for_everybody(panel: PanelRig) -> None:
    boss, person = await panel.session(provider=True), await panel.session()
    async with boss.browser() as pages, person.browser() as other, panel.browser() as stranger:
        await pages.post("/provider/notice", data={"message": NOTICE})
        try:
            inert = NOTICE.replace("<", "&lt;").replace(">", "&gt;")

            async def is_shown() -> bool:
                return inert in (await other.get("/deployments")).text

            await eventually(is_shown, within=rigs.SOON)
            outside = (await stranger.get("/sign-in")).text
            missing = (await other.get("/nothing")).text
            own = (await pages.get("/provider/notice")).text
        finally:
            await pages.post("/provider/notice/withdraw")

        async def is_gone() -> bool:
            return inert not in (await other.get("/deployments")).text

        await eventually(is_gone, within=rigs.SOON)
        nothing = await pages.post("/provider/notice", data={"message": ""})

    assert inert in outside
    assert inert in missing
    assert inert in own
    assert nothing.status_code == 422


async def test_nobody_else_sees_the_providers_pages(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        answers = [await pages.get(f"/provider{tab}") for tab in TABS]
        home = (await pages.get("/deployments")).text

    assert {it.status_code for it in answers} == {403}
    assert 'href="/provider"' not in home
