"""Kills at the steps of a deploy, an update and a removal: nothing lost, doubled or told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos import playing
from tests.chaos.cells import Kind
from tests.support import scan
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.scenes import Scene


async def test_kills_step_by_step_cost_nothing_but_time(
    record_property: Callable[[str, object], None],
) -> None:
    kinds = (Kind.DEPLOY, Kind.UPDATE, Kind.REMOVE)
    async with stacks.running(**playing.PAUSES) as stack, scan.hunting(stack) as hunt:

        async def look(_: Scene, story: str) -> None:
            await hunt.assert_nothing(after=story)

        for story in await playing.assert_harmless(stack, kinds, "kills.localhost", look):
            record_property("figure", story)
