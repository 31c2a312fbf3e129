"""Views of deployments, of their runs and of their backups."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from services.panel.domain.identity import Role
from shared.contracts.failures import Outcome
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually
from tests.support.scenes import set_scene
from tests.support.views.view import NEWCOMER, OWNER, VIEWER, Stage, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import Json, PanelRig

LIVE: Final = "/deployments/{deployment-live}"
BACKUP: Final = "/backups/{backup}"
STATES: Final = ("live", "ailing", "failed", "paused", "removed", "draft", "deploying", "busy")
ENDS: Final = (
    *("succeeded", "failed", "running", "waiting", "stopping", "cancelled", "overtaken", "held"),
    *("backup", "removal"),
)
IN_PLACE: Final = {"where": "in_place", "keep": "on"}
AS_NEW: Final = {"where": "as_new", "domain": "copy-of-{domain}"}
VIEWS: Final = (
    View("deployments", "/deployments"),
    View("deployments-removed", "/deployments?removed=yes"),
    View("deployments-none", "/deployments", who=NEWCOMER),
    View("deployments-older", "/deployments?before=00000000000000000000000000"),
    *(View(f"deployment-{it}", f"/deployments/{{deployment-{it}}}") for it in STATES),
    View("deployment-viewer", LIVE, who=VIEWER),
    View("runs", "/runs"),
    View("runs-none", "/runs", who=NEWCOMER),
    View("runs-of", f"{LIVE}/runs"),
    View("runs-of-none", "/deployments/{deployment-draft}/runs"),
    *(View(f"run-{it}", f"/runs/{{run-{it}}}") for it in ENDS),
    View("cancel", "/runs/{run-running}/cancel"),
    View("cancel-waiting", "/runs/{run-waiting}/cancel"),
    View("cancel-over", "/runs/{run-succeeded}/cancel"),
    View("retry-impossible", "/runs/{run-succeeded}/retry", {}, 409),
    View("repeat-restore", "/runs/{run-unrestored}/repeat"),
    View("repeat-removal", "/runs/{run-unremoved}/repeat"),
    View("backups", "/backups"),
    View("backups-none", "/backups", who=NEWCOMER),
    View("backups-of", f"{LIVE}/backups"),
    View("backups-of-none", "/deployments/{deployment-draft}/backups"),
    View("backup", BACKUP),
    View("backup-making", "/backups/{backup-making}"),
    View("restore", f"{BACKUP}/restore"),
    View("restore-wrong", f"{BACKUP}/restore/check", {"where": "as_new", "domain": "a name"}, 422),
    View("restore-in-place", f"{BACKUP}/restore/check", IN_PLACE),
    View("restore-unsaved", f"{BACKUP}/restore/check", {"where": "in_place"}),
    View("restore-new", f"{BACKUP}/restore/check", AS_NEW),
    View("backup-remove", f"{BACKUP}/remove"),
    View("restart", f"{LIVE}/restart"),
    View("pause", f"{LIVE}/pause"),
    View("remove", f"{LIVE}/remove"),
    View("remove-wrong", f"{LIVE}/remove", {"domain": "something.else"}, 422),
    View("reveal", f"{LIVE}/credentials/{{application}}"),
    View("revealed", f"{LIVE}/credentials/{{application}}", {}),
    View("reveal-again", f"{LIVE}/credentials/{{application}}"),
    View("deployment-revealed", LIVE),
)


@asynccontextmanager
async def stage(panel: PanelRig) -> AsyncIterator[Stage]:
    """Yield a stage with deployments, runs and backups in every state."""
    async with rigs.an_application() as url:
        scene = await set_scene(panel, url)
        found, name = Stage(), scene.person.operator
        found.people[OWNER] = scene.person
        found.people[VIEWER] = await panel.session(operator=name, role=Role.VIEWER)
        found.people[NEWCOMER] = await panel.session()
        found.places |= {"application": "hello", "backup": scene.backup["id"]}
        found.places["domain"] = scene.deployments["live"]["domain"]
        found.places |= {f"deployment-{key}": it["id"] for key, it in scene.deployments.items()}
        found.places |= {f"run-{key}": it["id"] for key, it in scene.runs.items()}
        removed = scene.deployments["removed"]["id"]
        async with panel.operator(named=name) as client:
            [removal, *_] = (await rigs.get(client, f"/deployments/{removed}/runs"))["items"]
            found.places["run-removal"] = removal["id"]
            await _stopping(client, found)
            await _cancelled(panel, client, found)
            await _overtaken(client, found)
            await _held(panel, client, found)
            await _undone(panel, client, found)
            await _busy(panel, client, found, url)
        yield found


async def _stopping(client: httpx2.AsyncClient, found: Stage) -> None:
    deployment = await rigs.create(client)
    first = await rigs.deploy(client, deployment["id"])
    second = await rigs.deploy(client, deployment["id"])
    await runs.ask(client, f"/runs/{first['id']}/cancel")
    found.places |= {"run-stopping": first["id"], "run-waiting": second["id"]}


async def _cancelled(panel: PanelRig, client: httpx2.AsyncClient, found: Stage) -> None:
    run = await rigs.deploy(client, (await rigs.create(client))["id"])
    await runs.ask(client, f"/runs/{run['id']}/cancel")
    await runs.fail_cancelled(panel, client, run)
    found.places["run-cancelled"] = run["id"]


async def _overtaken(client: httpx2.AsyncClient, found: Stage) -> None:
    deployment = await rigs.create(client, title="One")
    path = f"/deployments/{deployment['id']}"
    await rigs.deploy(client, deployment["id"])
    asked: list[Json] = []
    for title in ("Two", "Three"):
        wish = {"applications": [{"application": "hello", "options": {"title": title}}]}
        await client.post(f"{path}/configuration", json=wish, headers=rigs.ANY_VERSION)
        asked.append(await rigs.deploy(client, deployment["id"]))
    found.places["run-overtaken"] = asked[0]["id"]


async def _held(panel: PanelRig, client: httpx2.AsyncClient, found: Stage) -> None:
    deployment = await rigs.create(client)
    run = await rigs.deploy(client, deployment["id"])
    await panel.say("storage", runs.a_letter(run, reason="operator: Field required"))

    async def is_held() -> bool:
        return bool((await rigs.get(client, f"/runs/{run['id']}"))["held_by"])

    await eventually(is_held, within=rigs.SOON)
    found.places["run-held"] = run["id"]


async def _undone(panel: PanelRig, client: httpx2.AsyncClient, found: Stage) -> None:
    """Let a restore be cancelled, and a removal fail."""
    live = f"/deployments/{found.places['deployment-live']}"
    other = await runs.ask(client, f"{live}/restart")
    place = f"/backups/{found.places['backup']}/restore"
    restore = (await runs.ask(client, place, {"backup_first": False}))["run"]
    await runs.ask(client, f"/runs/{restore['id']}/cancel")
    await runs.succeed(panel, client, other["id"])
    deployment = await rigs.create(client)
    removal = (await client.delete(f"/deployments/{deployment['id']}")).json()
    await runs.fail(panel, client, removal["id"], Outcome.PARTIAL, "storage")
    found.places |= {"run-unrestored": restore["id"], "run-unremoved": removal["id"]}


async def _busy(panel: PanelRig, client: httpx2.AsyncClient, found: Stage, url: str) -> None:
    """Let one backup of a deployment fail, and the next one go on."""
    deployment = await runs.live(panel, client, url, title="Busy")
    place = f"/deployments/{deployment['id']}/backups"
    failed = await runs.ask(client, place)
    await runs.fail(panel, client, failed["id"], Outcome.UNCHANGED, "storage")
    making = await runs.ask(client, place)
    found.places |= {
        "deployment-busy": deployment["id"],
        "run-backup": making["id"],
        "backup-making": making["backup"],
    }
