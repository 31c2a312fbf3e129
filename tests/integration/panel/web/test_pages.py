"""Every page of the story, as people see it: on a phone and at a desk, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.support.browsers import DESK, PHONE, Look, barriers, keep, look, overflow

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.panel import PanelRig
    from tests.support.scenes import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOOKS: Final = (
    Look(width=DESK),
    Look(width=PHONE, is_dark=True),
)
# What is laid out differently on a phone; to look into everything twice takes too long.
VARIED: Final = frozenset({"deployments", "deployment-live", "run-failed", "runs", "remove"})


def addresses(scene: Scene) -> dict[str, str]:
    """Return the pages to look at, by what they show."""
    of = {name: f"/deployments/{it['id']}" for name, it in scene.deployments.items()}
    live, backup = of["live"], f"/backups/{scene.backup['id']}"
    return {
        "deployments": "/deployments?removed=yes",
        **{f"deployment-{name}": it for name, it in of.items()},
        **{f"run-{name}": f"/runs/{it['id']}" for name, it in scene.runs.items()},
        "runs": "/runs",
        "runs-of": f"{live}/runs",
        "backups": "/backups",
        "backups-of": f"{live}/backups",
        "backups-none": f"{of['draft']}/backups",
        "backup": backup,
        "restore": f"{backup}/restore",
        "backup-remove": f"{backup}/remove",
        "restart": f"{live}/restart",
        "pause": f"{live}/pause",
        "remove": f"{live}/remove",
        "reveal": f"{live}/credentials/hello",
        "cancel": f"/runs/{scene.runs['running']['id']}/cancel",
        "not-found": "/nothing",
    }


@pytest.mark.parametrize("how", LOOKS, ids=lambda it: it.name)
async def test_every_page_is_open_to_everybody_and_fits(
    panel: PanelRig, chromium: Browser, scene: Scene, how: Look
) -> None:
    found: dict[str, object] = {}
    async with look(chromium, scene.person, panel.url, how) as page:
        for name, address in addresses(scene).items():
            answer = await page.goto(address)
            assert answer is not None
            wanted = 404 if name == "not-found" else 200
            assert answer.status == wanted, f"{address}\n{panel.child.tail(60)}"
            await keep(page, name, how)
            is_looked_into = how.width == DESK or name in VARIED
            problems: list[object] = [*await barriers(page)] if is_looked_into else []
            if wide := await overflow(page):
                problems.append(f"{wide} px too wide")
            if problems:
                found[name] = problems

    assert not found


async def test_a_run_says_how_long_such_a_run_usually_takes(scene: Scene) -> None:
    async with scene.person.browser() as pages:
        page = await pages.get(f"/runs/{scene.runs['running']['id']}")

    assert "usually a few seconds" in page.text
