"""Trying again what replaces or removes something: asked first, and with a proof of who it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from shared.contracts.failures import Outcome
from tests.support import pages as forms
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import Json, PanelRig


@dataclass(frozen=True, kw_only=True)
class Garden:
    """A deployment that runs and has a backup, as its owner's browser and programs see it."""

    panel: PanelRig
    client: httpx2.AsyncClient
    browser: httpx2.AsyncClient
    deployment: str
    backup: str

    async def cancelled(self, *, is_kept: bool) -> Json:
        """Ask for a restore in place, and cancel its first run before it begins."""
        other = await runs.ask(self.client, f"/deployments/{self.deployment}/restart")
        body = {"backup_first": is_kept}
        asked = await runs.ask(self.client, f"/backups/{self.backup}/restore", body)
        run: Json = asked["runs"][0]
        await runs.ask(self.client, f"/runs/{run['id']}/cancel")
        await runs.succeed(self.panel, self.client, other["id"])
        return await rigs.until_state(self.client, run["id"], "cancelled")

    async def count_runs(self) -> int:
        found = await rigs.get(self.client, f"/deployments/{self.deployment}/runs")
        return len(found["items"])

    async def tried_again(self, run: Json, *, is_asked: bool = True) -> tuple[str, Json]:
        """Press the button on the page of a run; return what is asked, and the run that follows."""
        place, before = f"/runs/{run['id']}", await self.count_runs()
        led = await forms.follow(self.browser, place, f"{place}/retry")
        if not is_asked:
            return "", await rigs.get(self.client, led)
        assert led == f"{place}/repeat"
        assert await self.count_runs() == before
        question = await forms.read(self.browser, led)
        begun = await forms.follow(self.browser, led)
        return forms.text_of(question), await rigs.get(self.client, begun)


@pytest.fixture
async def garden(panel: PanelRig) -> AsyncIterator[Garden]:
    async with runs.with_backup(panel) as (client, browser, deployment, backup):
        yield Garden(
            panel=panel,
            client=client,
            browser=browser,
            deployment=deployment["id"],
            backup=backup["id"],
        )


async def test_a_restore_asks_before_it_is_tried_again(garden: Garden) -> None:
    bare = await garden.cancelled(is_kept=False)
    asked, again = await garden.tried_again(bare)
    ended = await runs.fail(garden.panel, garden.client, again["id"], Outcome.ROLLBACK_FAILED)
    broken, last = await garden.tried_again(ended)

    assert "Everything that people wrote" in asked
    assert "Nothing is kept" in asked
    assert (again["kind"], again["retry_of"]) == ("restore", bare["id"])
    assert f"left half-way by run {ended['number']}" in broken
    assert (last["kind"], last["retry_of"]) == ("restore", ended["id"])


async def test_a_backup_with_a_restore_behind_it_asks_as_well(garden: Garden) -> None:
    safety = await garden.cancelled(is_kept=True)
    asked, again = await garden.tried_again(safety)

    assert "Everything that people wrote" in asked
    assert "A backup of what is there now is made first" in asked
    assert (again["kind"], again["retry_of"]) == ("backup", safety["id"])


async def test_what_undoes_nothing_is_tried_again_at_once(garden: Garden) -> None:
    run = await runs.ask(garden.client, f"/deployments/{garden.deployment}/restart")
    failed = await runs.fail(garden.panel, garden.client, run["id"])
    _, again = await garden.tried_again(failed, is_asked=False)
    nothing = await garden.browser.get(f"/runs/{failed['id']}/repeat")

    assert (again["kind"], again["retry_of"]) == ("restart", failed["id"])
    assert nothing.headers["location"] == f"/runs/{failed['id']}"


async def test_a_removal_asks_before_it_is_tried_again(garden: Garden) -> None:
    of_backup = (await garden.client.delete(f"/backups/{garden.backup}")).json()
    failed = await runs.fail(garden.panel, garden.client, of_backup["id"], service="storage")
    backup_question, again = await garden.tried_again(failed)
    await runs.succeed(garden.panel, garden.client, again["id"])
    whole = (await garden.client.delete(f"/deployments/{garden.deployment}")).json()
    ended = await runs.fail(
        garden.panel, garden.client, whole["id"], Outcome.PARTIAL, service="storage"
    )
    question, last = await garden.tried_again(ended)

    assert "It is deleted and does not come back" in backup_question
    assert again["kind"] == "remove_backup"
    assert "Its machines are deleted" in question
    assert (last["kind"], last["retry_of"]) == ("remove", ended["id"])
