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
    person = await panel.session()
    async with (
        panel.operator(named=person.operator) as client,
        person.browser() as browser,
        rigs.an_application() as url,
    ):
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        yield Shed(client, browser, deployment, backup)


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
