"""The page of a run: its log narrowed down, silence, and what a failure leads to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from shared.contracts.failures import Outcome
from shared.contracts.progress import StepState
from tests.support import pages
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.browsers import PHONE, Look, barriers, keep, look, overflow
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import httpx2
    from playwright.async_api import Browser, Locator, Page

    from tests.support.panel import Json, PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")
PLAIN: Final = Look(has_scripts=False)
MINUTE: Final = 61_000


async def begin(client: httpx2.AsyncClient) -> Json:
    """Return a deploy that has begun."""
    deployment = await rigs.create(client)
    run = await rigs.deploy(client, deployment["id"])
    return await rigs.until_state(client, run["id"], "running")


async def write(
    panel: PanelRig, client: httpx2.AsyncClient, run: Json, step: str, *lines: str
) -> None:
    """Let a service write in a run, and wait until it is read: what is late is lost at the end."""
    await panel.report(rigs.progress(run, step, StepState.RUNNING, *lines))

    async def is_read() -> bool:
        found = await rigs.get(client, f"/runs/{run['id']}/events")
        return any(it["event"] == "log" for it in found["items"])

    await eventually(is_read, within=rigs.SOON)


def seen(page: Page) -> Locator:
    return page.locator(".log-line:not([hidden]) .log-text")


async def test_a_log_is_narrowed_down_while_it_grows_and_loses_nothing(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        begun = await begin(client)
        async with look(chromium, person, panel.url) as page:
            await page.goto(f"/runs/{begun['id']}")
            await panel.report(
                rigs.progress(begun, "image", StepState.RUNNING, "one", "warning: two"),
                rigs.progress(begun, "bucket", StepState.RUNNING, "three"),
            )
            await expect(seen(page)).to_have_text(["one", "warning: two", "three"])
            await page.get_by_label("Lines", exact=True).select_option("Warnings and errors")
            await expect(seen(page)).to_have_text(["warning: two"])
            assert page.url.endswith("?lines=trouble")
            await panel.report(
                rigs.progress(begun, "image", StepState.RUNNING, "four", "five failed")
            )
            await expect(seen(page)).to_have_text(["warning: two", "five failed"])
            await page.get_by_label("Of the step").select_option("Make room in the store")
            await expect(seen(page)).to_have_count(0)
            await expect(page.get_by_text("No line fits what was chosen.")).to_be_visible()
            await page.get_by_label("Lines", exact=True).select_option("All lines")
            await expect(seen(page)).to_have_text(["three"])
            await page.reload()
            await expect(seen(page)).to_have_text(["three"])
            await page.get_by_label("Of the step").select_option("All steps")
            await expect(seen(page)).to_have_count(5)
            headings = await page.locator(".log-line:not(.again) .log-step").all_text_contents()
            found = await barriers(page)

    assert headings == ["Prepare the disk", "Make room in the store", "Prepare the disk"]
    assert found == []


async def test_a_log_is_narrowed_down_without_scripts(panel: PanelRig, chromium: Browser) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        begun = await begin(client)
        await write(panel, client, begun, "image", "one", "error: two")
        await runs.fail(panel, client, begun["id"], Outcome.UNCHANGED)
        async with look(chromium, person, panel.url, PLAIN) as page:
            await page.goto(f"/runs/{begun['id']}")
            await expect(seen(page)).to_have_text(["one", "error: two"])
            await page.get_by_label("Lines", exact=True).select_option("Warnings and errors")
            await page.get_by_role("button", name="Show").click()
            await expect(seen(page)).to_have_text(["error: two"])
            chosen = await page.get_by_label("Lines", exact=True).input_value()
            await page.get_by_role("link", name="What this step wrote").click()
            await expect(seen(page)).to_have_count(0)

    assert chosen == "trouble"


async def test_after_a_minute_without_news_the_page_says_what_is_normal(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        begun = await begin(client)
        async with look(chromium, person, panel.url) as page:
            await page.clock.install()
            await page.goto(f"/runs/{begun['id']}")
            notice = page.locator("[data-quiet]")
            await expect(notice).to_be_hidden()
            await page.clock.fast_forward(MINUTE)
            await expect(notice).to_be_visible()
            await expect(notice.locator("h2")).to_have_text(re.compile(r"No news for \d min"))
            found = await barriers(page)
            await keep(page, "run-quiet", Look())
            await panel.report(rigs.progress(begun, "image", StepState.RUNNING, "still here"))
            await page.clock.resume()
            await expect(notice).to_be_hidden()

    assert found == []


async def test_silence_is_said_without_scripts_too(panel: PanelRig, chromium: Browser) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        begun = await begin(client)
        async with panel.database() as database, database.transaction() as tx:
            await tx.execute(
                "update run_events set at = at - interval '190 seconds' where run = $1", begun["id"]
            )
        async with look(chromium, person, panel.url, PLAIN) as page:
            await page.goto(f"/runs/{begun['id']}")
            said = await page.locator("[data-quiet]").inner_text()

    assert "No news for 3 min" in said
    assert "nothing that you need to do" in said


@pytest.mark.parametrize("how", [Look(), Look(width=PHONE, is_dark=True)], ids=lambda it: it.name)
async def test_a_failure_leads_on_to_what_can_be_done(
    panel: PanelRig, chromium: Browser, how: Look
) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client:
        begun = await begin(client)
        await write(panel, client, begun, "build", "fetching", "error: no", "x" * 300)
        answer = runs.failure(begun, "deployer", Outcome.ROLLED_BACK, code="deployment.not_kept")
        await panel.say("deployer", answer)
        await rigs.until_state(client, begun["id"], "failed")
        async with look(chromium, person, panel.url, how) as page:
            await page.goto(f"/runs/{begun['id']}")
            said = await page.locator(".failure").inner_text()
            found, wide = await barriers(page), await overflow(page)
            await keep(page, "run-failed", how)
            async with page.expect_download() as report:
                await page.get_by_role("link", name="Download a report").click()
            file = (await report.value).suggested_filename
            await page.get_by_role("link", name="What this step wrote").click()
            await expect(seen(page)).to_have_count(3)
            await page.get_by_role("link", name="Change the configuration").click()
            await page.wait_for_url("**/configuration")
            heading = await page.get_by_role("heading", level=1).inner_text()

    assert "no application runs yet" in said
    assert "See whether the configuration is right" in said
    assert (found, wide) == ([], 0)
    assert file == f"run-{begun['id']}.txt"
    assert heading.startswith("Configuration")


async def test_a_run_that_waits_leads_to_the_one_that_goes_on(panel: PanelRig) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client, person.browser() as browser:
        begun = await begin(client)
        waiting = await rigs.deploy(client, begun["deployment"])
        page = await pages.read(browser, f"/runs/{waiting['id']}")

    assert f"Look at run {begun['number']}, which goes on now" in pages.text_of(page)
    assert f'href="/runs/{begun["id"]}"' in page
