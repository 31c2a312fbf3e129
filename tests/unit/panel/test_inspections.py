"""A look at a domain is over in time, whatever the servers of others do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from services.panel.domain.dns import RecordState, RecordType, Wanted
from services.panel.service.inspections import Inspections
from tests.support.clock import FixedClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.panel.domain.dns import Seen

NOT_NEEDED = cast("Any", None)


class SilentServers:
    """Servers of which none ever answers."""

    async def ask(self, _name: str, _kind: RecordType) -> Sequence[Seen]:
        await asyncio.Event().wait()
        return ()


async def test_a_look_ends_although_no_server_ever_answers() -> None:
    inspections = Inspections(
        domains=NOT_NEEDED,
        deployments=NOT_NEEDED,
        provider=NOT_NEEDED,
        servers=SilentServers(),
        happenings=NOT_NEEDED,
        pace=NOT_NEEDED,
        clock=FixedClock(),
        chance=lambda: 0.5,
        longest_seconds=0.05,
    )
    wanted = [
        Wanted(name=f"host-{number}.garden.test", type=RecordType.A, values=("192.0.2.10",))
        for number in range(20)
    ]

    async with asyncio.timeout(5):
        found = await inspections.look(wanted, "garden.test")

    assert {it.state for it in found.findings} == {RecordState.UNCHECKED}
    assert [it.wanted for it in found.findings] == wanted
