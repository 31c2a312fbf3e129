"""Story 1 in a real browser on the whole stack: by clicking only, with and without scripts.

With FEDIVERSITY_SCREENS every page is kept there as a picture, and the newcomer's way as a trace
that `playwright show-trace` plays.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import uuid
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import expect

from shared import http
from tests.support import stack as stacks
from tests.support.browsers import (
    DESK,
    PHONE,
    SCREENS,
    Look,
    barriers,
    keep,
    overflow,
    running_chromium,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Browser, Page

    from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")
RUN_MILLISECONDS = 120_000
OWN_SECONDS = 180.0
"""With a look into every page by axe-core, on a computer that does much at once."""
LINK = re.compile(r"https?://\S+/sign-in/once#\S+")
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"
IS_DEPLOYED = re.compile("is deployed")
FAILED = re.compile("failed")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with stacks.running() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


async def link(stack: Stack) -> str:
    """Return a fresh link, as whoever runs everything on one computer gets it."""
    found = LINK.search(await stacks.command("up", stack.data))
    assert found
    return found.group()


@asynccontextmanager
async def window(stack: Stack, browser: Browser, how: Look) -> AsyncIterator[Page]:
    """Yield a browser of somebody who was never here, and fail when it complained."""
    context = await browser.new_context(
        base_url=stack.panel,
        viewport={"width": how.width, "height": 900},
        color_scheme="dark" if how.is_dark else "light",
        java_script_enabled=how.has_scripts,
    )
    complaints: list[str] = []
    context.on("weberror", lambda it: complaints.append(str(it.error)))
    context.on("console", lambda it: complaints.append(it.text) if it.type == "error" else None)
    try:
        yield await context.new_page()
    finally:
        await context.close()
    assert not complaints, complaints


@asynccontextmanager
async def traced(page: Page, name: str) -> AsyncIterator[None]:
    """Keep what is done with a page, to be played again."""
    tracing = page.context.tracing
    await tracing.start(snapshots=True, screenshots=True)
    yield
    folder = os.environ.get(SCREENS)
    await tracing.stop(path=Path(folder) / f"{name}.zip" if folder else None)


async def seen(page: Page, name: str, how: Look) -> None:
    """See that a page is open to everybody, and keep a picture of it."""
    await keep(page, f"story-{name}", how)
    assert await overflow(page) <= 0, name
    if how.has_scripts:
        assert await barriers(page) == [], name


async def describe(page: Page, domain: str, how: Look) -> None:
    """Describe a deployment of hello, up to the last question."""
    await seen(page, "empty", how)
    await page.get_by_role("link", name=re.compile("Begin with a domain|New deployment")).click()
    await page.get_by_label("Domain", exact=True).fill(domain)
    await seen(page, "domain", how)
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("Hello").check()
    await seen(page, "applications", how)
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("Title", exact=True).fill("Meadow friends")
    await seen(page, "options", how)
    await page.get_by_role("button", name="Save and continue").click()
    await expect(page.get_by_role("main")).to_contain_text("Meadow friends")
    await seen(page, "check", how)


async def answers(page: Page) -> None:
    """See that the address which a page shows leads to what was deployed."""
    shown = page.get_by_role("main").get_by_role("link", name=re.compile("^http"))
    address = await shown.first.get_attribute("href")
    assert address
    async with http.client() as visitor:
        assert "Meadow friends" in (await visitor.get(address)).text


async def test_a_newcomer_deploys_by_clicking_only(
    stack: Stack, chromium: Browser, record_property: Callable[[str, object], None]
) -> None:
    how = Look(width=DESK)
    async with window(stack, chromium, how) as page, traced(page, "newcomer"):
        began = time.monotonic()
        await page.goto(await link(stack))
        await seen(page, "link", how)
        await page.get_by_role("button", name="Sign in").click()
        await describe(page, "meadow.localhost", how)
        await page.get_by_role("button", name="Deploy").click()
        own = time.monotonic() - began

        await expect(page).to_have_title(re.compile(r"\(\d+/\d+\) Deploying meadow.localhost"))
        await seen(page, "running", how)
        await expect(page).to_have_title(IS_DEPLOYED, timeout=RUN_MILLISECONDS)
        await seen(page, "deployed", how)
        await answers(page)
        await page.get_by_role("link", name="To the deployment").click()
        await expect(page.get_by_role("main")).to_contain_text("Live")
        await seen(page, "deployment", how)

    assert own < OWN_SECONDS
    record_property("figure", f"a newcomer's own time, pages looked into: {own:.1f} s")


async def test_the_same_without_scripts_on_a_dark_phone(stack: Stack, chromium: Browser) -> None:
    how = Look(width=PHONE, is_dark=True, has_scripts=False)
    async with window(stack, chromium, how) as page:
        await page.goto("/sign-in/once")
        # A fragment is nothing that a page without scripts could read.
        await page.get_by_label("Code").fill(urlsplit(await link(stack)).fragment)
        await page.get_by_role("button", name="Sign in").click()
        await describe(page, "heath.localhost", how)
        await page.get_by_role("button", name="Deploy").click()

        await seen(page, "running", how)
        # It asks again by itself, every few seconds.
        await expect(page).to_have_title(IS_DEPLOYED, timeout=RUN_MILLISECONDS)
        await seen(page, "deployed", how)
        await answers(page)


async def test_what_failed_is_explained_and_tried_again(stack: Stack, chromium: Browser) -> None:
    how = Look(width=DESK, is_dark=True)
    deployment = await stack.stage("marsh.localhost", title="Meadow friends")
    stranger = in_the_way(stack, deployment)
    async with window(stack, chromium, how) as page:
        await page.goto(await link(stack))
        await page.get_by_role("button", name="Sign in").click()
        await page.goto(f"/deployments/{deployment}/configuration/review")
        await seen(page, "review", how)
        await page.get_by_role("button", name="Deploy").click()

        await expect(page).to_have_title(FAILED, timeout=RUN_MILLISECONDS)
        panel = page.get_by_role("region", name=re.compile("did not work"))
        for part in ("Why", "How things are now", "What you can do"):
            await expect(panel).to_contain_text(part)
        await seen(page, "failed", how)

        shutil.rmtree(stranger)
        await page.get_by_role("button", name="Try again").click()
        await expect(page).to_have_title(IS_DEPLOYED, timeout=RUN_MILLISECONDS)
        await answers(page)


def in_the_way(stack: Stack, deployment: str) -> Path:
    """Put a machine of somebody else where a deployment's own would be."""
    folder = stack.data / "provisioner" / "machines" / f"fdv-{deployment}-1"
    folder.mkdir(parents=True)
    order = {
        "identity": str(uuid.uuid4()),
        "image": "0123456789abcdef",
        "packages": ["python3"],
        "size": {"cpus": 1, "memory_mib": 256, "disk_gib": 4},
        "addresses": {port: {"host": "127.0.0.1", "port": 9} for port in ("22", "80")},
    }
    (folder / "machine.json").write_text(json.dumps(order), encoding="utf-8")
    (folder / "hostkey.pub").write_text(HOST_KEY, encoding="utf-8")
    return folder
