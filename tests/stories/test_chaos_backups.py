"""Kills at the steps of a backup and a restore: nothing lost, doubled, leaked or told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos import playing
from tests.chaos.cells import Kind
from tests.chaos.scenes import Backup
from tests.support import scan
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.scenes import Scene


async def test_kills_step_by_step_cost_nothing_but_time(
    record_property: Callable[[str, object], None],
) -> None:
    kinds = (Kind.BACKUP, Kind.RESTORE)
    async with stacks.running(**playing.PAUSES) as stack, scan.hunting(stack) as hunt:

        async def look(scene: Scene, story: str) -> None:
            assert isinstance(scene, Backup)
            hunt.values["first password"] = scene.who[1]
            found = await hunt.assert_nothing(after=story)
            assert min(found.places.values()) > 0, found
            record_property("figure", f"searched for {found}")
            await hunt.assert_noticed()

        for story in await playing.assert_harmless(stack, kinds, "kills.localhost", look):
            record_property("figure", story)
        await hunt.assert_nothing(after="removal")
