"""A real Chromium that looks at the pages of a real panel, and hears what goes wrong there.

async with look(chromium, person, width=360, is_dark=True) as page:
    await page.goto("/deployments")
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import async_playwright, expect

from services.panel.web.visitors import COOKIE
from tests.support.servers import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Response

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
HEIGHT: Final = 900
SCREENS: Final = "FEDIVERSITY_SCREENS"
"""A folder for screenshots; without it none are made."""
NETWORK: Final = ("Failed to load resource", "Failed to fetch", "network error")
"""What a browser says of servers that are away, which is no fault of a page."""
STANDARDS: Final = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
LOOKED_INTO: Final = """async (options) => {
  const found = await axe.run(document, options);
  return found.violations.flatMap((it) => it.nodes.map((node) =>
    `${it.id}: ${node.html.slice(0, 160)} ${(node.failureSummary ?? "").slice(0, 200)}`));
}"""
FAILED_FROM: Final = 400


@dataclass(frozen=True, kw_only=True)
class Look:
    """How somebody looks at a page."""

    width: int = DESK
    is_dark: bool = False
    has_scripts: bool = True
    refused: tuple[int, ...] = ()
    """With what the scripts of a page may be answered, besides with what they asked for."""

    @property
    def scheme(self) -> Literal["dark", "light"]:
        return "dark" if self.is_dark else "light"

    @property
    def name(self) -> str:
        scripts = "" if self.has_scripts else "-plain"
        return f"{self.width}-{self.scheme}{scripts}"


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
    complaints: list[str] = []
    async with window(browser, url, how, complaints) as page:
        await become(page.context, person, url)
        yield page
    assert not complaints, complaints


@asynccontextmanager
async def window(
    browser: Browser, url: str, how: Look, complaints: list[str]
) -> AsyncIterator[Page]:
    """Yield a page of nobody, and write down what the browser complains about."""
    context = await browser.new_context(
        base_url=home_of(url),
        viewport={"width": how.width, "height": HEIGHT},
        color_scheme=how.scheme,
        java_script_enabled=how.has_scripts,
        reduced_motion="reduce",
    )
    page = await context.new_page()

    def hear(message: ConsoleMessage) -> None:
        is_network = any(it in message.text for it in NETWORK)
        if message.type in {"error", "warning"} and not is_network:
            complaints.append(message.text)

    def see(response: Response) -> None:
        has_failed = response.status >= FAILED_FROM and response.status not in how.refused
        if has_failed and not response.request.is_navigation_request():
            complaints.append(f"{response.status} {response.url}")

    page.on("console", hear)
    page.on("response", see)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await context.close()


def home_of(url: str) -> str:
    """Return where a browser finds a panel.

    Cookies of a number would belong to every panel of this computer, whatever its port.
    """
    return f"http://panel.localhost:{urlsplit(url).port}"


async def become(context: BrowserContext, person: SignedIn | None, url: str) -> None:
    """Let a browser be signed in as somebody, or as nobody."""
    await context.clear_cookies()
    if person is not None:
        await context.add_cookies(
            [
                {
                    "name": COOKIE,
                    "value": person.cookie,
                    "url": home_of(url).replace("http:", "https:"),
                    "secure": True,
                    "httpOnly": True,
                }
            ]
        )


async def barriers(page: Page, options: Mapping[str, object] | None = None) -> list[str]:
    """Return what keeps people from using a page, as axe-core finds it."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    found: list[str] = await page.evaluate(LOOKED_INTO, options or STANDARDS)
    return found


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
