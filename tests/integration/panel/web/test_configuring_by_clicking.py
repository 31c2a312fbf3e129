"""A new deployment by clicking only, and a change of it: with scripts and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.browsers import DESK, PHONE, Look, keep, look, overflow

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.support.panel import PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOOKS: Final = (
    Look(width=DESK),
    Look(width=PHONE, is_dark=True, has_scripts=False),
)


async def see(page: Page, name: str, how: Look) -> None:
    """Look at a state of a page: it fits."""
    await keep(page, f"configuring-{name}", how)
    assert await overflow(page) == 0, name


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()
    await page.wait_for_load_state()


async def go(page: Page, name: str) -> None:
    await page.get_by_role("link", name=name, exact=True).click()
    await page.wait_for_load_state()


@pytest.mark.parametrize("how", LOOKS, ids=lambda it: it.name)
async def test_a_deployment_is_made_and_changed_by_clicking_only(
    panel: PanelRig, chromium: Browser, how: Look
) -> None:
    operator, domain = f"Operator {rigs.a_domain()}", rigs.a_domain()
    person = await panel.session(operator=operator)
    async with (
        panel.operator(named=operator) as client,
        rigs.an_application() as url,
        look(chromium, person, panel.url, how) as page,
    ):
        run = await make(page, domain, how)
        await runs.succeed(panel, client, run, url)
        found = await rigs.get(client, f"/runs/{run}")
        await page.goto(f"/deployments/{found['deployment']}")
        run = await change(page, how)
        await runs.succeed(panel, client, run, url)
        await bring_back(page, found["deployment"], how)


async def make(page: Page, domain: str, how: Look) -> str:
    """Make a deployment from the empty list on, mistakes included; return its run."""
    await page.goto("/deployments")
    await go(page, "Begin with a domain")
    await press(page, "Continue")
    await see(page, "domain-missing", how)
    await page.get_by_label("Domain").fill(domain)
    await press(page, "Continue")
    await page.get_by_label("Hello").check()
    await page.get_by_label("Workshop").check()
    await see(page, "applications", how)
    await press(page, "Continue")
    await page.get_by_label("Title").fill("Garden friends")
    await page.get_by_label("Colour").fill("green")
    await press(page, "Save and continue")
    await see(page, "hello-wrong", how)
    await page.get_by_role("link", name=re.compile("expected form")).click()
    await page.get_by_label("Colour").fill("#1d4ed8")
    await press(page, "Save and continue")
    await see(page, "workshop", how)
    await fill_in_workshop(page, how)
    await press(page, "Save and continue")
    await see(page, "check", how)
    await press(page, "Deploy")
    await page.wait_for_url("**/runs/*")
    return page.url.rpartition("/")[2]


async def fill_in_workshop(page: Page, how: Look) -> None:
    """Fill in the form that has everything; with scripts, fields come up when they are of use."""
    await page.get_by_label("Name", exact=True).fill("حديقة <b>Garden</b>")
    await page.get_by_label("Password").fill("correct horse battery")
    welcome = page.get_by_label("Welcome")
    assert await welcome.is_visible() is not how.has_scripts
    await page.get_by_label("Open", exact=True).check()
    await welcome.fill("Come in")
    await page.get_by_text("More options").click()
    await page.get_by_label("Port").fill("0")
    await press(page, "Save and continue")
    await see(page, "workshop-wrong", how)
    await page.get_by_label("Port").fill("8080")
    await page.get_by_label("Password").fill("correct horse battery")


async def change(page: Page, how: Look) -> str:
    """Change an option and take an application out, review, deploy; return the run."""
    await go(page, "Configuration")
    await see(page, "configuration", how)
    await go(page, "Edit Workshop")
    await see(page, "edit", how)
    await page.get_by_label("Largest picture").fill("4")
    await press(page, "Save")
    await go(page, "Take out Hello")
    await see(page, "take-out", how)
    await press(page, "Take it out")
    await see(page, "staged", how)
    await go(page, "Review and deploy")
    await see(page, "review", how)
    await press(page, "Deploy")
    await page.wait_for_url("**/runs/*")
    return page.url.rpartition("/")[2]


async def bring_back(page: Page, deployment: str, how: Look) -> None:
    """Look back, and deploy the first revision again."""
    await page.goto(f"/deployments/{deployment}/configuration")
    await go(page, "What was deployed before")
    await see(page, "history", how)
    await go(page, "Revision 1")
    await see(page, "revision", how)
    await press(page, "Deploy revision 1")
    await page.wait_for_url("**/runs/*")


async def test_the_catalogue_and_a_conflict_are_open_to_everybody(
    panel: PanelRig, chromium: Browser
) -> None:
    how = Look(width=PHONE)
    person = await panel.session()
    async with look(chromium, person, panel.url, how) as page:
        await page.goto("/applications")
        await see(page, "catalogue", how)
        await go(page, "Microblog")
        await see(page, "application", how)
        await go(page, "Deploy it")
        await page.get_by_label("Domain").fill(rigs.a_domain())
        await press(page, "Continue")
        assert await page.get_by_label("Microblog").is_checked()
        await press(page, "Continue")
        other = await page.context.new_page()
        await other.goto(page.url)
        await other.get_by_label("Title").fill("Theirs")
        await press(other, "Save and continue")
        await page.get_by_label("Title").fill("Mine")
        await press(page, "Save and continue")
        await see(page, "conflict", how)
        await press(page, "Save what I entered instead")
        assert "Mine" in await page.inner_text("main")
        await go(page, "Discard this draft")
        await see(page, "discard", how)
        await press(page, "Discard it")
        assert "/deployments/new" in page.url
