"""Housekeeping: what nobody needs any more is deleted, a little at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import telemetry

from .rounds import go_round

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.database import Database

    from ..ports import IdempotencyLedger
    from ..ports.telling import DeliveryQueue, NotificationRegister

DELIVERIES_KEPT: Final = timedelta(days=30)
NOTIFICATIONS_KEPT: Final = timedelta(days=90)
ANSWERS_KEPT: Final = timedelta(days=1)
"""Under their Idempotency-Key."""
AT_ONCE: Final = 1000
PAUSE_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Forget old deliveries, notifications and answers; any number of replicas may."""

    database: Database
    deliveries: DeliveryQueue
    notifications: NotificationRegister
    idempotency: IdempotencyLedger
    clock: Clock

    async def run(self) -> None:
        """Tidy up until cancelled."""
        await go_round(self.tidy, most=AT_ONCE, pause_seconds=PAUSE_SECONDS)

    async def tidy(self) -> int:
        """Delete some of what is too old; return how much of the greater part."""
        now = self.clock.now()
        async with self.database.transaction() as tx:
            sent = await self.deliveries.forget(tx, now - DELIVERIES_KEPT, AT_ONCE)
        async with self.database.transaction() as tx:
            told = await self.notifications.forget(tx, now - NOTIFICATIONS_KEPT, AT_ONCE)
        async with self.database.transaction() as tx:
            answered = await self.idempotency.forget(tx, now - ANSWERS_KEPT, AT_ONCE)
        if sent or told or answered:
            telemetry.log.info("forgotten", deliveries=sent, notifications=told, answers=answered)
        return max(sent, told, answered)
