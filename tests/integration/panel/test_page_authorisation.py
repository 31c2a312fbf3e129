"""Every page, asked by everybody who may not see it or change anything there."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from services.panel.domain.identity import Role
from shared import ids
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support import route_tables as tables
from tests.support.route_tables import CONFIRM, SIGN_IN

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import PanelRig
    from tests.support.visitors import SignedIn

LAST = "POST /sign-out"
"""Ends the sessions that all other routes are asked with."""


async def places(panel: PanelRig, person: SignedIn) -> dict[str, str]:
    """Return what there is of an operator, by the names that routes have for it."""
    async with panel.operator(named=person.operator) as owner, rigs.an_application() as url:
        deployment = await runs.live(panel, owner, url)
        backup = await runs.backed_up(panel, owner, deployment["id"])
        run = (await rigs.get(owner, f"/deployments/{deployment['id']}/runs"))["items"][0]
        me = await rigs.get(owner, "/me")
        endpoint = (await owner.post("/webhook-endpoints", json=tables.ENDPOINT)).json()["id"]
        sent = (await owner.post(f"/webhook-endpoints/{endpoint}/test")).json()["id"]
    async with person.browser() as pages:
        begun = await pages.post("/deployments/new", data={"domain": rigs.a_domain()})
    return {
        "deployment": deployment["id"],
        "domain": deployment["domain"],
        "application": "hello",
        "name": "hello",
        "backup": backup["id"],
        "run": run["id"],
        "number": "1",
        "draft": begun.headers["location"].split("/")[2],
        "operator": me["operator"],
        "letter": ids.new_id(),
        "notification": ids.new_id(),
        "endpoint": endpoint,
        "delivery": sent,
        "token": ids.new_id(),
        "session": ids.new_id(),
        "person": person.person,
        "invitation": ids.new_id(),
    }


async def ask(pages: httpx2.AsyncClient, route: str, found: dict[str, str]) -> object:
    method, _, path = route.partition(" ")
    data = tables.FORMS.get(route, {}) if method == "POST" else None
    answer = await pages.request(method, path.format_map(found), data=data)
    target = answer.headers.get("location", "")
    for place, name in (("/sign-in", SIGN_IN), ("/confirm", CONFIRM)):
        if target.partition("?")[0] == place and path != "/sign-out":
            return name
    return answer.status_code


async def test_every_page_answers_those_who_may_not_as_the_table_says(panel: PanelRig) -> None:
    owner = await panel.session(operator=f"Owner {ids.new_id()}", provider=True)
    found = await places(panel, owner)
    asked = sorted(tables.page_routes(), key=lambda it: (it == LAST, it))
    seen: dict[str, tuple[object, ...]] = {}
    async with AsyncExitStack() as stack:
        browsers = [
            await stack.enter_async_context(it)
            for it in (
                panel.browser(),
                (await panel.session()).browser(),
                (await panel.session(operator=owner.operator, role=Role.VIEWER)).browser(),
            )
        ]
        for route in asked:
            seen[route] = tuple([await ask(it, route, found) for it in browsers])

    assert tables.differences(seen, tables.PAGES) == []


async def test_what_cannot_be_undone_asks_anew_who_somebody_is(panel: PanelRig) -> None:
    owner = await panel.session(operator=f"Owner {ids.new_id()}", provider=True)
    found = await places(panel, owner)
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute(
            "update sessions set confirmed_at = now() - interval '11 minutes' where id = $1",
            owner.session,
        )
    async with owner.browser() as pages:
        seen = {it: await ask(pages, it, found) for it in sorted(tables.PROVEN)}

    assert seen == dict.fromkeys(tables.PROVEN, CONFIRM)
