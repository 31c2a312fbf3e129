"""A run's trace begins with the request that asked for it, even when it had to wait."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared.contracts.panel import DeploymentRequested
from tests.support import panel as rigs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.panel import Json, PanelRig

DEPLOY = "POST /api/v1/deployments/{deployment}/deploy"
SENT = "send ev.panel.{deployment}.DeploymentRequested"


def spans(panel: PanelRig) -> list[Json]:
    lines = (panel.directory / "traces" / "panel.jsonl").read_text().splitlines()
    return [it for it in map(json.loads, lines) if "end" in it]


async def test_the_request_on_the_bus_descends_from_the_post_that_asked_for_the_run(
    panel: PanelRig,
) -> None:
    async with panel.operator() as client:
        deployment = await rigs.create(client)
        first = await rigs.deploy(client, deployment["id"])
        second = await rigs.deploy(client, deployment["id"])
        await panel.say("provisioner", rigs.a_failure(first))
        await rigs.until_state(client, second["id"], "running")

        async def are_stated() -> bool:
            return len(await panel.stated(DeploymentRequested, deployment["id"])) == 2

        await eventually(are_stated, within=rigs.SOON)
        await rigs.get(client, f"/runs/{second['id']}")

    found = spans(panel)
    by_id = {it["span_id"]: it for it in found}
    for run in (first, second):
        [sent] = [
            it for it in found if it["name"] == SENT and it["attributes"].get("run") == run["id"]
        ]
        root = by_id[sent["parent_id"]]
        assert root["name"] == DEPLOY
        assert root["parent_id"] is None
        assert root["trace_id"] == sent["trace_id"]


async def test_looking_leaves_no_spans(panel: PanelRig) -> None:
    async with panel.operator() as client:
        await rigs.get(client, "/me")

    assert not [it for it in spans(panel) if it["name"].startswith("GET")]
