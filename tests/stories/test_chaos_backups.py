"""Kills at the steps of a backup and a restore: nothing lost, doubled or leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos import playing
from tests.chaos.cells import Kind
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Callable


async def test_kills_step_by_step_cost_nothing_but_time(
    record_property: Callable[[str, object], None],
) -> None:
    kinds = (Kind.BACKUP, Kind.RESTORE)
    async with stacks.running(**playing.PAUSES) as stack:
        for story in await playing.assert_harmless(stack, kinds, "kills.localhost"):
            record_property("figure", story)
