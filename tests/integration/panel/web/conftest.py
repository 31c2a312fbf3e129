"""One Chromium for all tests of pages of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.browsers import running_chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Yield a browser; each test opens windows of its own."""
    async with running_chromium() as browser:
        yield browser
