"""One Chromium and one operator with everything, for all tests of pages of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.browsers import running_chromium
from tests.support.panel import an_application
from tests.support.scenes import Scene, set_scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.support.panel import PanelRig


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Yield a browser; each test opens windows of its own."""
    async with running_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scene(panel: PanelRig) -> AsyncIterator[Scene]:
    """Yield an operator who has a deployment in every state."""
    async with an_application() as url:
        yield await set_scene(panel, url)
