"""Couriers: carry what is queued, several things at once, beside the couriers of other processes.

Whatever a courier takes it holds by a lease. Killed in the middle, it leaves the thing to whoever
comes when the lease is over: everything is delivered at least once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from shared import errors, telemetry

from ..domain.webhooks import Busy, reason_to_disable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine

    from shared.clock import Clock
    from shared.database import Database, Transaction

    from ..domain.mails import Letterhead, MailErrand
    from ..domain.webhooks import Answer, Delivery, Parcel
    from ..ports.telling import DeliveryQueue, EndpointRegister, Mailer, MailQueue
    from .deliverer import Deliverer
    from .webhooks import Webhooks

    Work = Coroutine[object, object, None]
    Take = Callable[[], Awaitable[Work | None]]

POLL_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 1.0
MOST_PARCELS: Final = 32
MOST_TO_ONE: Final = 4
"""Parcels on their way to one endpoint: a slow receiver must not keep the others waiting."""
MOST_OF_ONE: Final = 8
"""Parcels of one operator on their way: with all its endpoints it keeps nobody else waiting."""
MOST_MAILS: Final = 4
LEASE_SECONDS: Final = 60.0
"""Longer than anything that a courier does with one thing."""


class Wakeup:
    """Wakes every courier of this process, whichever of them has something to do."""

    def __init__(self) -> None:
        self._sleepers: list[asyncio.Event] = []

    def __call__(self) -> None:
        """Say that something was queued."""
        for it in self._sleepers:
            it.set()

    def sleeper(self) -> asyncio.Event:
        """Return an event that is set with every call."""
        event = asyncio.Event()
        self._sleepers.append(event)
        return event


@dataclass(slots=True, kw_only=True)
class Courier:
    """Takes things from a queue as long as there are any, a few at once."""

    name: str
    take: Take
    """Take the next thing and return how to carry it, or None when there is nothing."""
    most: int
    nudged: asyncio.Event
    carrying: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Carry until cancelled; what is under way is left to the next."""
        try:
            while True:
                self.nudged.clear()
                work = await self._next() if len(self.carrying) < self.most else None
                if work is not None:
                    self._start(work)
                    continue
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it may swallow a cancellation.
                    async with asyncio.timeout(POLL_SECONDS):
                        await self.nudged.wait()
        finally:
            under_way = list(self.carrying)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _next(self) -> Work | None:
        try:
            return await self.take()
        except errors.UnavailableError:
            await asyncio.sleep(AWAY_SECONDS)
            return None

    def _start(self, work: Work) -> None:
        task = asyncio.create_task(work)
        self.carrying.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.carrying.discard(task)
        self.nudged.set()
        if not task.cancelled() and (error := task.exception()):
            # What it held is tried again when the lease is over.
            telemetry.log.error("courier_dropped", courier=self.name, exc_info=error)


def courier(name: str, take: Take, most: int, wakeup: Wakeup) -> Courier:
    """Return a courier that sleeps until it is woken."""
    return Courier(name=name, take=take, most=most, nudged=wakeup.sleeper())


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRound:
    """What a courier of webhooks does."""

    database: Database
    queue: DeliveryQueue
    endpoints: EndpointRegister
    deliverer: Deliverer
    webhooks: Webhooks
    clock: Clock
    chance: Callable[[], float]
    to_endpoint: Counter[str] = field(default_factory=Counter)
    """How much is on its way to each endpoint."""
    of_operator: Counter[str] = field(default_factory=Counter)
    """How much of each operator's is."""

    async def take(self) -> Work | None:
        """Take the delivery that has been due longest."""
        busy = Busy(
            endpoints=_most(self.to_endpoint, MOST_TO_ONE),
            operators=_most(self.of_operator, MOST_OF_ONE),
        )
        async with self.database.transaction() as tx:
            parcel = await self.queue.claim(tx, self.clock.now(), LEASE_SECONDS, busy)
        if parcel is None:
            return None
        self.to_endpoint[parcel.delivery.endpoint] += 1
        self.of_operator[parcel.operator] += 1
        return self._carry(parcel)

    async def _carry(self, parcel: Parcel) -> None:
        try:
            answer = await self.deliverer.send(parcel)
            async with self.database.transaction() as tx:
                await self._conclude(tx, parcel.delivery, answer)
        finally:
            self.to_endpoint[parcel.delivery.endpoint] -= 1
            self.of_operator[parcel.operator] -= 1

    async def _conclude(self, tx: Transaction, delivery: Delivery, answer: Answer) -> None:
        """Write how it went, unless the endpoint is gone or another courier was faster."""
        endpoint = await self.endpoints.lock(tx, delivery.endpoint)
        now = self.clock.now()
        ended = delivery.concluded(answer, now, self.chance())
        if endpoint is None or not await self.queue.conclude(tx, ended):
            return
        telemetry.log.info(
            "webhook_tried",
            endpoint=endpoint.id,
            message=delivery.message,
            attempt=delivery.attempt,
            status=answer.status,
            state=ended.state.value,
        )
        since = None if answer.is_success else endpoint.failing_since or now
        if since != endpoint.failing_since:
            endpoint = replace(endpoint, failing_since=since)
            await self.endpoints.save(tx, endpoint)
        reason = reason_to_disable(endpoint, answer, now)
        if reason is not None and endpoint.is_enabled:
            await self.webhooks.disable(tx, endpoint, reason)


def _most(counted: Counter[str], most: int) -> Collection[str]:
    return [it for it, count in counted.items() if count >= most]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRound:
    """What a courier of mails does."""

    database: Database
    queue: MailQueue
    mailer: Mailer
    letterhead: Letterhead
    translator: Callable[[str | None], Callable[[str], str]]
    """What says sentences in a language."""
    clock: Clock

    async def take(self) -> Work | None:
        """Take the mail that has been due longest."""
        async with self.database.transaction() as tx:
            errand = await self.queue.claim(tx, self.clock.now(), LEASE_SECONDS)
        return None if errand is None else self._carry(errand)

    async def _carry(self, errand: MailErrand) -> None:
        ended = await self._send(errand)
        async with self.database.transaction() as tx:
            await self.queue.conclude(tx, ended)
        telemetry.log.info(
            "mail_tried", mail=ended.id, attempt=ended.attempt, state=ended.state.value
        )

    async def _send(self, errand: MailErrand) -> MailErrand:
        if not errand.is_member:
            return errand.failed("This person does not act for the operator any more.")
        if errand.address is None:
            return errand.failed("This person has no e-mail address any more.")
        translate = self.translator(errand.language)
        mail = self.letterhead.write(errand, errand.address, translate)
        try:
            await self.mailer.send(mail)
        except errors.UnavailableError as error:
            return errand.postponed(error.message, self.clock.now())
        except errors.InvalidError as error:
            return errand.failed(error.message)
        return errand.sent()
