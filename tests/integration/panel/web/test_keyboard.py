"""The panel with the keyboard alone: where one is can be seen, and everything can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.browsers import PHONE, Look, look
from tests.support.signing_in import PASSWORD, with_password

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.support.panel import PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")
MOST_STOPS: Final = 80
NAME: Final = """() => {
  const it = document.activeElement;
  const label = it.labels?.[0] ?? it;
  return (it.getAttribute("aria-label") ?? label.innerText ?? "").trim().split("\\n")[0];
}"""
# A ring around what has the focus, or around what stands for it: its label, or the whole card.
IS_SEEN: Final = """() => {
  const it = document.activeElement, box = it.getBoundingClientRect();
  const has = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const next = it.nextElementSibling;
  const shown = [[it], [it, "::after"], ...(next ? [[next]] : [])];
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return inside && shown.some((those) => has(getComputedStyle(...those)));
}"""


async def stops(page: Page) -> list[str]:
    """Press Tab through a page, and return the places where nobody would see where they are."""
    hidden: list[str] = []
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement === document.body"):
            return hidden
        if not await page.evaluate(IS_SEEN):
            hidden.append(await page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
    return [*hidden, f"no end after {MOST_STOPS} places"]


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus."""
    passed: list[str] = []
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        passed.append(await page.evaluate(NAME))
        if passed[-1] == name:
            return
    raise AssertionError(f"{name} is not among {passed}")


async def use(page: Page, name: str, text: str = "", key: str = "") -> None:
    """Go to something by Tab, write into it, and press a key there."""
    await tab_to(page, name)
    await page.keyboard.type(text)
    if key:
        await page.keyboard.press(key)


async def arrive(page: Page, heading: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)


async def test_a_deployment_is_made_up_to_its_last_question_without_a_mouse(
    panel: PanelRig, chromium: Browser
) -> None:
    login, domain = await with_password(panel), rigs.a_domain()
    async with look(chromium, None, panel.url) as page:
        await page.goto("/deployments/new")
        await use(page, "E-mail address", login.email)
        await use(page, "Password", PASSWORD, "Enter")
        await arrive(page, "New deployment")
        await use(page, "Domain", domain, "Enter")
        await arrive(page, f"Applications for {domain}")
        await use(page, "Hello", key="Space")
        await use(page, "Continue", key="Enter")
        await arrive(page, "Hello")
        await use(page, "Title", "Garden friends")
        await use(page, "Save and continue", key="Enter")
        await arrive(page, "Check your answers")
        await use(page, "Deploy")

        await expect(page.get_by_role("button", name="Deploy", exact=True)).to_be_focused()
        assert await page.evaluate(IS_SEEN)


async def test_the_first_place_skips_to_the_content(panel: PanelRig, chromium: Browser) -> None:
    person = await panel.session()
    async with look(chromium, person, panel.url) as page:
        await page.goto("/deployments")
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await tab_to(page, "Begin with a domain")


@pytest.mark.parametrize("how", [Look(), Look(width=PHONE, is_dark=True)], ids=lambda it: it.name)
async def test_where_one_is_can_be_seen(panel: PanelRig, chromium: Browser, how: Look) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client, rigs.an_application() as url:
        live = await runs.live(panel, client, url)
    pages = ("/deployments", f"/deployments/{live['id']}", "/account/notifications", "/activity")
    hidden: dict[str, list[str]] = {}
    async with look(chromium, person, panel.url, how) as page:
        for address in pages:
            await page.goto(address)
            if found := await stops(page):
                hidden[address] = found

    assert not hidden


async def test_mistakes_are_told_first_and_lead_to_their_fields(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    async with look(chromium, person, panel.url) as page:
        await page.goto("/people/invite")
        await page.get_by_label("E-mail address").fill("nobody@")
        await page.evaluate("document.querySelector('main form').noValidate = true")
        await page.keyboard.press("Enter")
        summary = page.get_by_role("alert")
        await expect(summary).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")

        await expect(page.get_by_label("E-mail address")).to_be_focused()


@pytest.mark.parametrize("width", [PHONE, 1280])
async def test_a_menu_closes_with_escape_and_gives_the_focus_back(
    panel: PanelRig, chromium: Browser, width: int
) -> None:
    person = await panel.session()
    async with look(chromium, person, panel.url, Look(width=width)) as page:
        await page.goto("/runs")
        menu = page.locator("[data-menu]")
        await menu.locator("summary").focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(menu).to_have_attribute("open", "")
        await page.keyboard.press("Escape")

        await expect(menu).not_to_have_attribute("open", "")
        await expect(menu.locator("summary")).to_be_focused()
