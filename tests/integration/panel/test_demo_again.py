"""The demo is told again and again, about the deployment that an earlier one left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.embedded.story import Storyteller

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def test_a_second_demo_stages_what_the_first_one_left(panel: PanelRig) -> None:
    teller = Storyteller(panel=panel.url, token="", say=lambda _: None, keep=Path())

    async with panel.operator() as api:
        first, is_new = await teller.stage(api)
        again, is_new_again = await teller.stage(api)

    assert (first, is_new) == (again, True)
    assert not is_new_again
