"""Panel's happenings in this process: on a real database, under a clock that stands."""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.panel.adapters.postgres_deliveries import PostgresDeliveryQueue
from services.panel.adapters.postgres_deployments import PostgresDeploymentRegister
from services.panel.adapters.postgres_identities import (
    PostgresAuditTrail,
    PostgresIdentityRegister,
)
from services.panel.adapters.postgres_notifications import (
    PostgresMailQueue,
    PostgresNotificationRegister,
)
from services.panel.adapters.postgres_webhooks import PostgresEndpointRegister
from services.panel.adapters.smtp import Relay, SmtpMailer
from services.panel.adapters.webhook_sender import HttpWebhookSender
from services.panel.domain.deployments import Deployment
from services.panel.domain.happenings import Happening, of_deployment
from services.panel.domain.identity import OPERATOR_SCOPES, Caller, Role
from services.panel.domain.mails import Letterhead
from services.panel.domain.reachable import ReachRules
from services.panel.domain.records import Page
from services.panel.service.couriers import Courier, MailRound, Wakeup, WebhookRound, courier
from services.panel.service.deliverer import Deliverer
from services.panel.service.happenings import Happenings
from services.panel.service.notifications import Notifications
from services.panel.service.webhooks import EndpointWish, NewSecret, Webhooks
from services.panel.web import languages
from shared import ids, sealing
from shared.contracts.happenings import HappeningType
from tests.support.clock import FixedClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.panel.domain.notifications import Notification
    from services.panel.domain.webhooks import Delivery, Endpoint
    from shared.database import Database

LOOPBACK = ReachRules(allow_http=True, allowed=(ipaddress.ip_network("127.0.0.0/8"),))


@dataclass(kw_only=True)
class HappeningRig:
    """One operator with one person, and everything that tells them something."""

    database: Database
    clock: FixedClock = field(default_factory=FixedClock)
    wakeup: Wakeup = field(default_factory=Wakeup)
    mail_port: int = 9
    patience_seconds: float = 2.0
    """For the answer of a receiver."""
    caller: Caller = field(init=False)
    endpoints: PostgresEndpointRegister = field(default_factory=PostgresEndpointRegister)
    deliveries: PostgresDeliveryQueue = field(default_factory=PostgresDeliveryQueue)
    register: PostgresNotificationRegister = field(default_factory=PostgresNotificationRegister)
    happenings: Happenings = field(init=False)
    webhooks: Webhooks = field(init=False)
    notifications: Notifications = field(init=False)

    def __post_init__(self) -> None:
        identity, recipient = sealing.new_identity()
        audit = PostgresAuditTrail()
        self.happenings = Happenings(
            deployments=PostgresDeploymentRegister(),
            endpoints=self.endpoints,
            deliveries=self.deliveries,
            notifications=self.register,
            clock=self.clock,
            sends_mail=True,
            nudge=self.wakeup,
        )
        self.webhooks = Webhooks(
            database=self.database,
            endpoints=self.endpoints,
            deliveries=self.deliveries,
            happenings=self.happenings,
            deliverer=Deliverer(
                sender=HttpWebhookSender(LOOPBACK, timeout_seconds=self.patience_seconds),
                unsealer=sealing.Unsealer(identity),
                clock=self.clock,
            ),
            rules=LOOPBACK,
            sealer=sealing.Sealer({"panel": recipient}),
            audit=audit,
            clock=self.clock,
        )
        self.notifications = Notifications(
            register=self.register, audit=audit, clock=self.clock, sends_mail=True
        )

    async def sign_in(self, email: str | None = None) -> None:
        """Make the operator and its person."""
        identities = PostgresIdentityRegister()
        async with self.database.transaction() as tx:
            operator = await identities.add_operator(tx, f"Operator {ids.new_id()}")
            person = await identities.add_owner(tx, operator, "Robin")
            await tx.execute("update people set email = $2 where id = $1", person, email)
        self.caller = Caller(
            person=person,
            person_name="Robin",
            operator=operator,
            operator_name="Garden friends",
            role=Role.OWNER,
            scopes=OPERATOR_SCOPES,
        )

    async def endpoint(self, url: str, *types: HappeningType) -> NewSecret:
        """Make an endpoint."""
        wish = EndpointWish(url=url, types=frozenset(types) or None)
        async with self.database.transaction() as tx:
            return await self.webhooks.create(tx, self.caller, wish)

    async def found(self, endpoint: str) -> Endpoint:
        """Return an endpoint as it is now."""
        async with self.database.transaction() as tx:
            return (await self.webhooks.get(tx, self.caller, endpoint)).endpoint

    async def sent(self, endpoint: str) -> Sequence[Delivery]:
        """Return the deliveries of an endpoint, newest first."""
        async with self.database.transaction() as tx:
            page = Page(10_000)
            return await self.webhooks.list_deliveries(tx, self.caller, endpoint, page)

    async def told(self) -> Sequence[Notification]:
        """Return what the person was told in the panel."""
        async with self.database.transaction() as tx:
            return await self.notifications.list_notifications(tx, self.caller, Page(50))

    async def tell(self, count: int = 1, *, deployment: str = "") -> None:
        """Let something happen so many times."""
        async with self.database.transaction() as tx:
            for _ in range(count):
                await self.happenings.tell(tx, self.happening(deployment or ids.new_id()))

    def happening(self, deployment: str) -> Happening:
        """Return that a deployment was made."""
        made = Deployment(
            id=deployment,
            operator=self.caller.operator,
            domain="garden.example",
            created_at=self.clock.now(),
        )
        return of_deployment(HappeningType.DEPLOYMENT_CREATED, made)

    def round(self) -> WebhookRound:
        """Return what one courier of webhooks does."""
        return WebhookRound(
            database=self.database,
            queue=self.deliveries,
            endpoints=self.endpoints,
            deliverer=self.webhooks.deliverer,
            webhooks=self.webhooks,
            clock=self.clock,
            chance=lambda: 0.0,
        )

    def courier(self, most: int = 32) -> Courier:
        """Return a courier of webhooks."""
        return courier("webhooks", self.round().take, most, self.wakeup)

    def mail_round(self) -> MailRound:
        """Return what one courier of mails does."""
        relay = Relay(
            host="127.0.0.1",
            port=self.mail_port,
            security="none",
            user="",
            password=None,
            sender="panel@provider.example",
            sender_name="Provider",
            timeout_seconds=2,
        )
        return MailRound(
            database=self.database,
            queue=PostgresMailQueue(),
            mailer=SmtpMailer(relay),
            letterhead=Letterhead(
                provider="Provider",
                panel_url="https://panel.provider.example",
                panel_host="panel.provider.example",
            ),
            translator=languages.translator,
            clock=self.clock,
        )


async def carry_all(round_: WebhookRound | MailRound) -> int:
    """Carry what is due now, one thing after the other; return how many there were."""
    count = 0
    while (work := await round_.take()) is not None:
        await work
        count += 1
    return count


@asynccontextmanager
async def running(it: Courier) -> AsyncIterator[None]:
    """Let a courier work for the length of a block."""
    task = asyncio.create_task(it.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
