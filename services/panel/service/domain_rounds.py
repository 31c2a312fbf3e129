"""Rounds: every domain in use is looked at again and again, by whichever process is free.

A domain that is due belongs to one process for the length of a lease; killed in the middle, that
one leaves it to whoever comes next.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors

from .rounds import go_round

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.database import Database

    from ..domain.domain_watch import Watch
    from ..ports.dns import DomainRegister
    from .inspections import Inspections

PAUSE_SECONDS: Final = 5.0
LEASE: Final = timedelta(minutes=10)
"""Longer than any look takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRounds:
    """Look at domains that nobody asks about; any number of replicas may."""

    database: Database
    domains: DomainRegister
    inspections: Inspections
    clock: Clock
    most: int
    """Domains that are looked at at a time."""

    async def run(self) -> None:
        """Look until cancelled."""
        await go_round(self.look_at_due, most=self.most, pause_seconds=PAUSE_SECONDS)

    async def look_at_due(self) -> int:
        """Look at some of the domains whose turn has come; return how many there were."""
        now = self.clock.now()
        async with self.database.transaction() as tx:
            due = await self.domains.claim_due(tx, now, now + LEASE, self.most)
        await asyncio.gather(*(self._look_at(it) for it in due))
        return len(due)

    async def _look_at(self, watch: Watch) -> None:
        # Without a database this look is lost; the domain is due again when its lease is over.
        with contextlib.suppress(errors.UnavailableError):
            async with self.database.transaction() as tx:
                found = await self.inspections.overview(tx, watch.operator, watch.name, None)
                if found.is_published:
                    await self.inspections.plan(tx, watch, self.clock.now())
                    return
            wanted = [it.wanted for it in found.findings]
            check = await self.inspections.look(wanted, watch.name)
            async with self.database.transaction() as tx:
                await self.inspections.note(tx, watch.operator, watch.name, check)
