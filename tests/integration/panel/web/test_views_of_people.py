"""Views of people, of what they are told, and of the provider: open to all, fitting, and quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sweep import sweep
from tests.support.views import personal, telling

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.panel import PanelRig

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_signing_in_and_accounts_are_open_to_everybody_and_fit(
    panel: PanelRig, chromium: Browser
) -> None:
    async with personal.stage(panel) as stage:
        found = await sweep(chromium, panel.url, stage, personal.VIEWS)
        async with personal.without_tokens(panel):
            broken = await sweep(chromium, panel.url, stage, [personal.BROKEN])

    assert found + broken == ""


async def test_what_is_told_and_decided_is_open_to_everybody_and_fits(
    panel: PanelRig, chromium: Browser
) -> None:
    async with telling.stage(panel) as stage:
        try:
            found = await sweep(chromium, panel.url, stage, telling.VIEWS)
        finally:
            await sweep(chromium, panel.url, stage, [telling.WITHDRAWN])

    assert found == ""
