"""What pages say of backups and of the runs that bring them back."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import pages
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import Json, PanelRig


@dataclass(frozen=True)
class Shed:
    """A deployment with a complete backup, and who looks after it by API and by browser."""

    client: httpx2.AsyncClient
    browser: httpx2.AsyncClient
    deployment: Json
    backup: Json

    async def read(self, address: str) -> str:
        return pages.text_of(await pages.read(self.browser, address))


@asynccontextmanager
async def a_shed(panel: PanelRig) -> AsyncIterator[Shed]:
    async with runs.with_backup(panel) as found:
        yield Shed(*found)


async def test_the_last_backup_is_the_newest_that_can_be_brought_back(panel: PanelRig) -> None:
    async with a_shed(panel) as shed:
        home = f"/deployments/{shed.deployment['id']}"
        newer = await runs.ask(shed.client, f"{home}/backups")
        during = [await shed.read(home), await shed.read(f"{home}/remove")]
        await runs.fail(panel, shed.client, newer["id"], service="storage")
        after = [await shed.read(home), await shed.read(f"{home}/remove")]
        linked = await pages.read(shed.browser, home)

    for overview, removal in (during, after):
        assert "There is none yet" not in overview
        assert "There is no backup of it" not in removal
        assert "The last backup was made" in removal
    assert f'href="/backups/{shed.backup["id"]}"' in linked


async def test_the_first_part_of_a_restore_says_what_follows(panel: PanelRig) -> None:
    domain = rigs.a_domain()
    async with a_shed(panel) as shed:
        restore = f"/backups/{shed.backup['id']}/restore"
        asked = await runs.ask(shed.client, restore, {"domain": domain})
        first, second, third = asked["runs"]
        going_on = await shed.read(f"/runs/{first['id']}")
        await runs.succeed(panel, shed.client, first["id"])
        done = await shed.read(f"/runs/{first['id']}")
        told = await shed.read("/account/notifications")
        await runs.fail(panel, shed.client, second["id"], service="storage")
        given_up = await shed.read(f"/runs/{second['id']}")

    assert f"Preparing {domain}" in going_on
    assert f"{domain} is prepared" in done
    assert f"{domain} is prepared (run {first['number']})" in told
    assert f"{domain} was deployed" not in told
    for said in (going_on, done):
        assert f"Run {second['number']} (Restore)" in said
        assert f"Run {third['number']} (Deploy)" in said
    assert "Watch it" in done
    assert "What follows by itself" not in given_up


async def test_a_backup_before_a_restore_leads_to_the_restore(panel: PanelRig) -> None:
    async with a_shed(panel) as shed:
        asked = await runs.ask(shed.client, f"/backups/{shed.backup['id']}/restore", {})
        first, second = asked["runs"]
        await runs.succeed(panel, shed.client, first["id"])
        done = await pages.read(shed.browser, f"/runs/{first['id']}")

    assert f"Run {second['number']} (Restore)" in pages.text_of(done)
    assert f'href="/runs/{second["id"]}"' in done
