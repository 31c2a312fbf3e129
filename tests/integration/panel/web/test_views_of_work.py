"""Views of deployments, as everybody sees them: open to all, fitting, and quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio

from services.panel.web.headers import HEADERS
from tests.support.browsers import Look, window
from tests.support.sweep import Sweep, sweep
from tests.support.views import configuring, running
from tests.support.views.view import NOBODY, OWNER, Stage, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Route

    from tests.support.panel import PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")
PLANTED: Final = f"""<!doctype html><html lang="en"><head><title>Planted</title></head><body><main>
<h1>Planted</h1><p><font color="#dddddd">faint</font></p><p style="color: red">inline</p>
<pre>{"wide" * 900}</pre><img src="/static/nothing.png" alt=""><p data-focus tabindex="-1">No</p>
<a class="button primary" href="/">one</a> <a class="button primary" href="/x">two</a></main>"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(panel: PanelRig) -> AsyncIterator[Stage]:
    """Yield deployments and runs in every state."""
    async with running.stage(panel) as found:
        yield found


async def test_what_runs_is_open_to_everybody_and_fits(
    panel: PanelRig, chromium: Browser, stage: Stage
) -> None:
    assert await sweep(chromium, panel.url, stage, running.VIEWS) == ""


async def test_a_run_says_how_long_such_a_run_usually_takes(stage: Stage) -> None:
    owner = stage.people[OWNER]
    assert owner is not None
    async with owner.browser() as pages:
        page = await pages.get(stage.filled("/runs/{run-running}"))

    assert "usually a few seconds" in page.text


async def test_what_is_configured_is_open_to_everybody_and_fits(
    panel: PanelRig, chromium: Browser
) -> None:
    async with configuring.stage(panel) as found:
        assert await sweep(chromium, panel.url, found, configuring.VIEWS) == ""


async def test_what_is_wrong_with_a_view_is_noticed(panel: PanelRig, chromium: Browser) -> None:
    complaints: list[str] = []

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="text/html", headers=HEADERS, body=PLANTED)

    async with window(chromium, panel.url, Look(), complaints) as page:
        await page.route("**/planted", answer)
        going = Sweep(page=page, url=panel.url, stage=Stage(), complaints=complaints)
        await going.look_at(View("planted", "/planted", status=201, who=NOBODY))

    for expected in (
        *("200 instead of 201", "px too wide", "color-contrast", "Content Security Policy"),
        *("404 http", "2 primary buttons", "the mistakes have no focus"),
    ):
        assert any(expected in it for it in going.found), (expected, going.found)
