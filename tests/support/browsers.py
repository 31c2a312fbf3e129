"""A real Chromium that looks at the pages of a real panel, and hears what goes wrong there.

async with look(chromium, person, width=360, is_dark=True) as page:
    await page.goto("/deployments")
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

from services.panel.web.visitors import COOKIE
from tests.support.servers import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, ConsoleMessage, Page

    from tests.support.visitors import SignedIn

PROGRAM: Final = "chromium"
SWITCHES: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE_MILLISECONDS: Final = 60_000
"""On a computer that does much at once; what is expected comes long before."""
PHONE: Final = 360
DESK: Final = 1280
SCREENS: Final = "FEDIVERSITY_SCREENS"
"""A folder for screenshots; without it none are made."""
NETWORK: Final = ("Failed to load resource", "Failed to fetch", "network error")
"""What a browser says of servers that are away, which is no fault of a page."""
STANDARDS: Final = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """How somebody looks at a page."""

    width: int = DESK
    is_dark: bool = False
    has_scripts: bool = True

    @property
    def name(self) -> str:
        scripts = "" if self.has_scripts else "-plain"
        return f"{self.width}-{'dark' if self.is_dark else 'light'}{scripts}"


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Run the distribution's Chromium for the length of a block."""
    require(PROGRAM, PROGRAM)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=f"/usr/bin/{PROGRAM}", args=list(SWITCHES)
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def look(
    browser: Browser, person: SignedIn | None, url: str, how: Look | None = None
) -> AsyncIterator[Page]:
    """Yield a page of somebody, and fail afterwards when the browser complained about anything."""
    how = how or Look()
    # Cookies of a number would belong to every panel of this computer, whatever its port.
    home = f"http://panel.localhost:{urlsplit(url).port}"
    context = await browser.new_context(
        base_url=home,
        viewport={"width": how.width, "height": 900},
        color_scheme="dark" if how.is_dark else "light",
        java_script_enabled=how.has_scripts,
        reduced_motion="reduce",
    )
    if person is not None:
        await context.add_cookies(
            [
                {
                    "name": COOKIE,
                    "value": person.cookie,
                    "url": home.replace("http:", "https:"),
                    "secure": True,
                    "httpOnly": True,
                }
            ]
        )
    page = await context.new_page()
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        is_network = any(it in message.text for it in NETWORK)
        if message.type in {"error", "warning"} and not is_network:
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert not complaints, complaints


async def barriers(page: Page) -> list[str]:
    """Return what keeps people from using a page, as axe-core finds it."""
    found = await Axe().run(page, options=STANDARDS)
    return [
        f"{it['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for it in found.response["violations"]
        for node in it["nodes"]
    ]


async def overflow(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    wide: Any = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return int(wide)


async def keep(page: Page, name: str, how: Look) -> None:
    """Keep a screenshot, where a folder for them is named."""
    folder = os.environ.get(SCREENS)
    if folder:
        path = Path(folder) / f"{name}-{how.name}.png"
        await page.screenshot(path=path, full_page=True)
