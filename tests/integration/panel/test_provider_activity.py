"""The hosting provider sees what was done for every operator; nobody else does."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from services.panel.domain.identity import Scope
from shared import ids
from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

PATH = "/provider/audit-events"


async def test_what_was_done_is_listed_for_all_and_narrowed_to_one(panel: PanelRig) -> None:
    async with (
        panel.operator(Scope.PROVIDER) as boss,
        panel.operator() as one,
        panel.operator() as other,
    ):
        made, others = await rigs.create(one), await rigs.create(other)
        me = await rigs.get(one, "/me")
        everything = await rigs.get(boss, f"{PATH}?action=deployment&limit=2")
        of_one = await rigs.get(boss, f"{PATH}?operator={me['operator']}&action=deployment")
        part = await boss.get(f"{PATH}?limit=1")
        refused = await one.get(PATH)

    assert {it["object"] for it in everything["items"]} == {made["id"], others["id"]}
    [found] = of_one["items"]
    assert (found["action"], found["object"]) == ("deployment.created", made["id"])
    assert (found["operator"], found["operator_name"]) == (me["operator"], me["operator_name"])
    assert found["address"] == "127.0.0.1"
    assert 'rel="next"' in part.headers["link"]
    assert refused.status_code == 403


async def test_the_page_of_all_is_narrowed_down_and_taken_away(panel: PanelRig) -> None:
    name = f"Garden {ids.new_id()}"
    boss = await panel.session(provider=True)
    async with panel.operator(named=name) as client, boss.browser() as pages:
        made = await rigs.create(client)
        operator = (await rigs.get(client, "/me"))["operator"]
        await rigs.create(client)
        shown = await pages.get(f"/provider/activity?operator={operator}&action=deployment")
        led = await pages.get(f"/provider/operators/{operator}")
        export = f"/provider/activity/export?operator={operator}&action=deployment"
        as_csv = await pages.get(f"{export}&format=csv")
        as_json = await pages.get(f"{export}&format=json")
        nonsense = await pages.get("/provider/activity?since=yesterday")
        unknown = await pages.get(f"/provider/activity?operator={ids.new_id()}")

    assert shown.status_code == 200
    assert shown.text.count("created a deployment") == 2
    assert name in shown.text
    assert made["id"] in shown.text
    assert f'href="/provider/activity?operator={operator}"' in led.text
    rows = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert {row["operator_name"] for row in rows} == {name}
    assert len(rows) == len(as_json.json()) == 2
    assert nonsense.status_code == 422
    assert unknown.status_code == 404
