"""Backups count: one too many is refused before anything happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.panel.domain.identity import Scope
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig


async def limit(panel: PanelRig, operator: str, backups: int) -> Json:
    """Decide how many backups an operator may have, and return its standing."""
    async with panel.operator(Scope.PROVIDER) as boss:
        path = f"/provider/operators/{operator}"
        answer = await boss.put(
            f"{path}/quota", json={"backups": backups}, headers=rigs.ANY_VERSION
        )
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def runs_of(client: httpx2.AsyncClient, deployment: str) -> int:
    return len((await rigs.get(client, f"/deployments/{deployment}/runs"))["items"])


async def test_a_backup_above_the_quota_is_refused_and_nothing_is_begun(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        me = (await rigs.get(client, "/me"))["operator"]
        live = await runs.live(panel, client, url)
        path = f"/deployments/{live['id']}/backups"
        backup = await runs.backed_up(panel, client, live["id"])
        standing = await limit(panel, me, 1)
        before = await runs_of(client, live["id"])
        refused = await client.post(path)
        after = await runs_of(client, live["id"])
        removal = (await client.delete(f"/backups/{backup['id']}")).json()
        leaving = await client.post(path)
        await runs.succeed(panel, client, removal["id"])
        made = await client.post(path)

    assert (standing["usage"]["backups"], standing["quota"]["backups"]) == (1, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "quota.backups")
    assert refused.json()["type"] == "/problems/quota-exceeded"
    assert "You may have 1 backups in all. You have 1" in refused.json()["detail"]
    assert before == after
    assert leaving.status_code == 409
    assert made.status_code == 202


async def test_a_failed_backup_does_not_count_and_its_retry_is_counted(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        me = (await rigs.get(client, "/me"))["operator"]
        live = await runs.live(panel, client, url)
        failed = await runs.ask(client, f"/deployments/{live['id']}/backups")
        await runs.fail(panel, client, failed["id"], service="storage")
        await limit(panel, me, 1)
        await runs.backed_up(panel, client, live["id"])
        again = await client.post(f"/runs/{failed['id']}/retry")

    assert (again.status_code, again.json()["code"]) == (409, "quota.backups")


async def test_a_restore_keeps_what_it_replaces_once_above_the_quota(panel: PanelRig) -> None:
    async with panel.operator() as client, rigs.an_application() as url:
        me = (await rigs.get(client, "/me"))["operator"]
        live = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, live["id"])
        await limit(panel, me, 1)
        path = f"/backups/{backup['id']}/restore"
        restoring = await runs.ask(client, path, {})
        for run in restoring["runs"]:
            await runs.succeed(panel, client, run["id"])
        before = await runs_of(client, live["id"])
        refused = await client.post(path, json={})
        after = await runs_of(client, live["id"])
        without = await client.post(path, json={"backup_first": False})

    assert (refused.status_code, refused.json()["code"]) == (409, "quota.backups")
    assert "restore without keeping what is there" in refused.json()["detail"]
    assert before == after
    assert without.status_code == 202
