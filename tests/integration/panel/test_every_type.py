"""Every type of happening that documents list is really told by something."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.panel.adapters.postgres_backups import PostgresBackupRegister
from services.panel.domain.identity import Scope
from services.panel.service.backup_rounds import BackupRounds
from shared import ids
from shared.contracts.deployer import Ailment, HealthChanged
from shared.contracts.happenings import HappeningType
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support import route_tables as tables
from tests.support.clock import FixedClock
from tests.support.domain_scene import EDGE, PACE, domain_scene, lookout
from tests.support.eventually import eventually
from tests.support.happenings import HappeningRig
from tests.support.receiver import receiving

if TYPE_CHECKING:
    import httpx2

    from shared.database import Database
    from tests.support.panel import PanelRig

ALL = [it.value for it in HappeningType]
STALE = timedelta(days=14)


async def sent(panel: PanelRig, operator: str) -> set[str]:
    """Return the types of what was sent to an operator's endpoints."""
    async with panel.database() as database, database.transaction() as tx:
        rows = await tx.fetch(
            "select distinct type from webhook_messages where operator = $1", operator
        )
    return {row["type"] for row in rows}


async def look_at_backups(database: Database, operator: str) -> None:
    """Look how old an operator's backups are, after a long time in which none was made."""
    async with database.transaction() as tx:
        await tx.execute(
            "update backups set taken_at = now() - interval '20 days' where operator = $1", operator
        )
    clock = FixedClock(at=datetime.now(UTC))
    rounds = BackupRounds(
        database=database,
        backups=PostgresBackupRegister(),
        happenings=HappeningRig(database=database, clock=clock).happenings,
        clock=clock,
        age=STALE,
    )
    while await rounds.tell():
        pass


async def lead_runs(panel: PanelRig, client: httpx2.AsyncClient, url: str) -> str:
    """Let runs of a deployment succeed and fail; return it."""
    live = await runs.live(panel, client, url)
    await runs.backed_up(panel, client, live["id"])
    broken = await runs.ask(client, f"/deployments/{live['id']}/backups")
    await runs.fail(panel, client, broken["id"], service="storage")
    return str(live["id"])


async def fall_ill(panel: PanelRig, deployment: str) -> None:
    """Let a deployment be ill, and well again."""
    ill = Ailment(application="hello", kind="http", message="No answer.", since="2026-11-21")
    for at, ailments in (("09:00", (ill,)), ("09:01", ())):
        found = HealthChanged(deployment=deployment, ailments=ailments, at=f"2026-11-21T{at}:00Z")
        await panel.say("deployer", found)


async def look_at_domain(panel: PanelRig, client: httpx2.AsyncClient, database: Database) -> None:
    """Let the records of a domain become right, and wrong again."""
    looks = lookout(panel, database)
    async with domain_scene(panel, client) as scene:
        for address in (EDGE, "192.0.2.80"):
            scene.answer(address)
            await looks.look(scene.domain, after=PACE.confirm)
            await looks.look(scene.domain, after=PACE.confirm)


async def be_removed(panel: PanelRig, client: httpx2.AsyncClient, deployment: str) -> None:
    """Cancel what waits, let a removal overtake what waits, and be gone."""
    path = f"/deployments/{deployment}"
    running = await runs.ask(client, f"{path}/restart")
    cancelled = await runs.ask(client, f"{path}/pause")
    await client.post(f"/runs/{cancelled['id']}/cancel")
    await runs.ask(client, f"{path}/pause")
    removal = (await client.delete(path)).json()
    await runs.succeed(panel, client, running["id"])
    await runs.succeed(panel, client, removal["id"])


async def test_every_published_type_is_told_by_something(panel: PanelRig) -> None:
    operator = f"Operator {ids.new_id()}"
    async with (
        panel.operator(Scope.READ, Scope.WRITE, Scope.ACCESS, named=operator) as client,
        panel.database() as database,
        rigs.an_application() as url,
        receiving() as receiver,
        receiving(status=410) as gone,
    ):
        me = (await rigs.get(client, "/me"))["operator"]
        made = await client.post("/webhook-endpoints", json={"url": receiver.url, "types": ALL})
        await client.post(f"/webhook-endpoints/{made.json()['id']}/test")
        await client.post("/tokens", json=tables.BODIES["POST /api/v1/tokens"])
        await client.post("/webhook-endpoints", json={"url": gone.url})
        deployment = await lead_runs(panel, client, url)
        await fall_ill(panel, deployment)
        await look_at_backups(database, me)
        await look_at_domain(panel, client, database)
        await be_removed(panel, client, deployment)

        async def nothing_is_missing() -> bool:
            return await sent(panel, me) == set(ALL)

        with contextlib.suppress(AssertionError):
            await eventually(nothing_is_missing, within=rigs.SOON)

    assert set(ALL) - await sent(panel, me) == set(), "nothing tells these"


async def test_a_backup_is_called_old_once_until_there_is_a_newer_one(panel: PanelRig) -> None:
    async with (
        panel.operator() as client,
        panel.database() as database,
        rigs.an_application() as url,
    ):
        me = (await rigs.get(client, "/me"))["operator"]
        live = await runs.live(panel, client, url)
        await runs.backed_up(panel, client, live["id"])
        await look_at_backups(database, me)
        await look_at_backups(database, me)
        once = await rigs.get(client, "/notifications?unread=true")
        await runs.backed_up(panel, client, live["id"])
        await look_at_backups(database, me)
        again = await rigs.get(client, "/notifications?unread=true")

    stale = [it for it in once["items"] if it["type"] == "backup.stale"]
    assert [it["data"]["deployment"] for it in stale] == [live["id"]]
    assert live["domain"] in stale[0]["title"]
    assert [it["type"] for it in again["items"]].count("backup.stale") == 2
