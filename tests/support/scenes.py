"""An operator with a deployment in every state that a page can show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared import ids
from shared.contracts.deployer import Ailment, HealthChanged
from shared.contracts.failures import Outcome
from shared.contracts.progress import StepState
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig
    from tests.support.visitors import SignedIn

LINES = (
    "Reading state information…",
    "\x1b[32mok\x1b[0m building hello 1.0.0",
    "<b>copied</b> 12 paths",
)


@dataclass(kw_only=True)
class Scene:
    """What an operator has, by how it stands."""

    person: SignedIn
    deployments: dict[str, Json] = field(default_factory=dict)
    runs: dict[str, Json] = field(default_factory=dict)
    backup: Json = field(default_factory=dict)


async def set_scene(panel: PanelRig, url: str) -> Scene:
    """Bring deployments of one operator into every state; `url` is where applications answer."""
    name = f"Gardeners {ids.new_id()[-6:]}"
    scene = Scene(person=await panel.session(operator=name))
    async with panel.operator(named=name) as client:
        await _live(panel, client, scene, url)
        await _ailing(panel, client, scene, url)
        await _failed(panel, client, scene)
        await _paused(panel, client, scene, url)
        await _removed(panel, client, scene, url)
        scene.deployments["draft"] = await rigs.create(client, _domain("draft"))
        await _going_on(panel, client, scene)
    return scene


def _domain(name: str) -> str:
    return f"{name}-{ids.new_id()[-5:]}.localhost"


async def _deployed(panel: PanelRig, client: httpx2.AsyncClient, name: str, url: str) -> Json:
    deployment = await rigs.create(client, _domain(name))
    run = await rigs.deploy(client, deployment["id"])
    begun = await rigs.until_state(client, run["id"], "running")
    credential = panel.first_credential("correct horse battery staple")
    for service, event in rigs.answers_of_a_deploy(begun, url, credential):
        await panel.say(service, event)
    await rigs.until_state(client, run["id"], "succeeded")
    return await rigs.get(client, f"/deployments/{deployment['id']}") | {"run": run}


async def _live(panel: PanelRig, client: httpx2.AsyncClient, scene: Scene, url: str) -> None:
    live = await _deployed(panel, client, "garden", url)
    scene.deployments["live"] = live
    scene.runs["succeeded"] = live["run"]
    scene.backup = await runs.backed_up(panel, client, live["id"])


async def _ailing(panel: PanelRig, client: httpx2.AsyncClient, scene: Scene, url: str) -> None:
    ailing = await _deployed(panel, client, "orchard", url)
    disk = Ailment(
        application="hello",
        kind="disk",
        message="94 % of the disk is full.",
        since="2026-11-21T07:10:00Z",
    )
    said = HealthChanged(deployment=ailing["id"], ailments=(disk,), at="2026-11-21T07:10:00Z")
    await panel.say("deployer", said)

    async def is_known() -> bool:
        found = await rigs.get(client, f"/deployments/{ailing['id']}")
        return bool(found["status"] == "degraded")

    await eventually(is_known, within=rigs.SOON)
    scene.deployments["ailing"] = ailing


async def _failed(panel: PanelRig, client: httpx2.AsyncClient, scene: Scene) -> None:
    failed = await rigs.create(client, _domain("meadow"))
    run = await rigs.deploy(client, failed["id"])
    scene.deployments["failed"] = failed
    scene.runs["failed"] = await runs.fail(panel, client, run["id"], Outcome.PARTIAL)


async def _paused(panel: PanelRig, client: httpx2.AsyncClient, scene: Scene, url: str) -> None:
    paused = await _deployed(panel, client, "winter", url)
    run = await runs.ask(client, f"/deployments/{paused['id']}/pause")
    await runs.succeed(panel, client, run["id"])
    scene.deployments["paused"] = paused


async def _removed(panel: PanelRig, client: httpx2.AsyncClient, scene: Scene, url: str) -> None:
    removed = await _deployed(panel, client, "old", url)
    answer = await client.delete(f"/deployments/{removed['id']}")
    await runs.succeed(panel, client, answer.json()["id"])
    scene.deployments["removed"] = removed


async def _going_on(panel: PanelRig, client: httpx2.AsyncClient, scene: Scene) -> None:
    deploying = await rigs.create(client, _domain("terrace"))
    run = await rigs.deploy(client, deploying["id"])
    begun = await rigs.until_state(client, run["id"], "running")
    await panel.report(
        rigs.progress(begun, "image", StepState.RUNNING, *LINES, done=120, total=300, unit="MB"),
    )

    async def is_seen() -> bool:
        found = await rigs.get(client, f"/runs/{run['id']}")
        return any(it["status"] == "running" for it in found["steps"])

    await eventually(is_seen, within=rigs.SOON)
    scene.deployments["deploying"] = deploying
    scene.runs["running"] = begun
