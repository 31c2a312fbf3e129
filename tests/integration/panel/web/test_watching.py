"""A run is watched in a browser: as it goes on, over restarts of the panel, and without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from shared.contracts.failures import Outcome
from shared.contracts.progress import StepState
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.browsers import Look, look

if TYPE_CHECKING:
    import httpx2
    from playwright.async_api import Browser, Locator, Page

    from tests.support.panel import Json, PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")
RESTARTS: Final = 3
PATIENCE: Final = 60_000
PLAIN: Final = Look(has_scripts=False)


async def test_a_run_that_is_watched_over_restarts_loses_and_doubles_no_line(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        begun = await begin(client)
        async with look(chromium, person, panel.url) as page:
            await page.goto(f"/runs/{begun['id']}")
            expected = await interrupt(panel, page, begun)
            seen = await lines_of(page).all_text_contents()
            await page.reload()
            again = await lines_of(page).all_text_contents()

    assert seen == expected
    assert again == expected


async def test_the_end_of_a_run_arrives_on_its_page(panel: PanelRig, chromium: Browser) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client, rigs.an_application() as url:
        begun = await begin(client)
        domain = (await rigs.get(client, f"/deployments/{begun['deployment']}"))["domain"]
        async with look(chromium, person, panel.url) as page:
            await page.goto(f"/runs/{begun['id']}")
            await panel.report(rigs.progress(begun, "machine", StepState.RUNNING))
            await expect(page).to_have_title(f"(2/13) Deploying {domain} · Test", timeout=PATIENCE)
            for service, event in rigs.answers_of_a_deploy(begun, url):
                await panel.say(service, event)
            heading = page.get_by_role("heading", level=1)
            await expect(heading).to_have_text(f"{domain} is deployed", timeout=PATIENCE)

            icon = await page.locator("[data-favicon]").get_attribute("href")
            links = await page.locator(".run-urls a").all_text_contents()
            said = await page.locator("#said").text_content()

    assert "succeeded" in (icon or "")
    assert [it.strip() for it in links] == [url]
    assert said == f"{domain} is deployed"


async def begin(client: httpx2.AsyncClient) -> Json:
    """Return a deploy that has begun."""
    deployment = await rigs.create(client)
    run = await rigs.deploy(client, deployment["id"])
    return await rigs.until_state(client, run["id"], "running")


def lines_of(page: Page) -> Locator:
    return page.locator(".log-text")


async def interrupt(panel: PanelRig, page: Page, begun: Json) -> list[str]:
    """Let a service write while the panel is stopped and started again and again."""
    written: list[str] = []
    for number in range(RESTARTS + 1):
        if number:
            await panel.child.stop()
            await panel.start()
        said = [f"line {number}.{it}" for it in range(5)]
        await panel.report(rigs.progress(begun, "image", StepState.RUNNING, *said))
        written += said
        await expect(lines_of(page)).to_have_count(len(written), timeout=PATIENCE)
    return written


async def test_what_a_service_writes_is_text_and_nothing_else(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    evil = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
    async with panel.operator(named=person.operator) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        begun = await rigs.until_state(client, run["id"], "running")
        async with look(chromium, person, panel.url) as page:
            await page.goto(f"/runs/{run['id']}")
            await panel.report(
                rigs.progress(begun, "image", StepState.RUNNING, evil, "data: x\rid: 9")
            )
            lines = page.locator(".log-text")
            await expect(lines).to_have_count(2, timeout=PATIENCE)

            texts = await lines.all_text_contents()
            title = await page.title()

    assert texts == [evil, "data: xid: 9"]
    assert "owned" not in title


async def test_a_run_fails_and_is_tried_again_without_scripts(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        async with look(chromium, person, panel.url, PLAIN) as page:
            await page.goto(f"/runs/{run['id']}")
            refresh = await page.locator("noscript").all_text_contents()
            await runs.fail(panel, client, run["id"], Outcome.UNCHANGED)
            await page.goto(f"/runs/{run['id']}")
            panel_text = await page.locator(".failure").inner_text()
            await page.get_by_role("button", name="Try again").click()

            heading = await page.get_by_role("heading", level=1).inner_text()
            is_another = run["id"] not in page.url

    assert refresh
    assert "It broke." in panel_text
    assert "Some of it may exist already" in panel_text
    assert is_another
    assert heading == f"Deploying {deployment['domain']}"


async def test_a_run_is_cancelled_after_a_question(panel: PanelRig, chromium: Browser) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await rigs.until_state(client, run["id"], "running")
        async with look(chromium, person, panel.url, PLAIN) as page:
            await page.goto("/runs")
            await page.get_by_role("link", name="Cancel").click()
            await page.get_by_role("button", name="Cancel the run").click()

            assert page.url.endswith(f"/runs/{run['id']}")
            state = await page.locator(".run-head .badge").inner_text()
        found = await rigs.get(client, f"/runs/{run['id']}")

    assert state == "Stopping"
    assert found["state"] == "cancelling"
