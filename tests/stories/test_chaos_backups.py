"""A kill at every step of backups and restores: nothing lost, doubled or leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.chaos import playing
from tests.chaos.cells import Kind
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with stacks.running(**playing.PAUSES) as found:
        yield found


@pytest.mark.parametrize("kind", [Kind.BACKUP, Kind.RESTORE])
async def test_a_kill_at_every_step_costs_nothing_but_time(
    stack: Stack, kind: Kind, record_property: Callable[[str, object], None]
) -> None:
    record_property("figure", await playing.assert_harmless(stack, kind))
