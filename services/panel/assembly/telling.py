"""What tells people and programs outside, put together."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared import clock
from shared.sealing import Sealer

from ..adapters.postgres_deliveries import PostgresDeliveryQueue
from ..adapters.postgres_ledgers import PostgresIdempotencyLedger
from ..adapters.postgres_notifications import PostgresMailQueue, PostgresNotificationRegister
from ..adapters.postgres_webhooks import PostgresEndpointRegister
from ..adapters.smtp import Relay, SmtpMailer
from ..adapters.webhook_sender import HttpWebhookSender
from ..domain.mails import Letterhead
from ..domain.reachable import ReachRules
from ..service.conductor import SERVICE
from ..service.couriers import (
    MOST_MAILS,
    MOST_PARCELS,
    MailRound,
    Wakeup,
    WebhookRound,
    courier,
)
from ..service.deliverer import Deliverer
from ..service.happenings import Happenings
from ..service.housekeeping import Housekeeping
from ..service.notifications import Notifications
from ..service.webhooks import Webhooks
from ..web import languages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.database import Database
    from shared.provider import Provider
    from shared.sealing import Unsealer

    from ..ports import AuditTrail, DeploymentRegister
    from ..settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Registers:
    """What is kept of what people and programs are told."""

    endpoints: PostgresEndpointRegister = field(default_factory=PostgresEndpointRegister)
    deliveries: PostgresDeliveryQueue = field(default_factory=PostgresDeliveryQueue)
    mails: PostgresMailQueue = field(default_factory=PostgresMailQueue)
    notifications: PostgresNotificationRegister = field(
        default_factory=PostgresNotificationRegister
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Whom everything that happens is told to, and the rest that needs this."""

    kept: Registers
    happenings: Happenings
    wakeup: Wakeup

    def notifications_for(self, audit: AuditTrail) -> Notifications:
        """Return how people see what they are told."""
        return Notifications(
            register=self.kept.notifications,
            audit=audit,
            clock=clock.system,
            sends_mail=self.happenings.sends_mail,
        )

    def webhooks(
        self, settings: Settings, database: Database, unsealer: Unsealer, audit: AuditTrail
    ) -> Webhooks:
        """Return how operators have happenings sent to their own programs."""
        rules = ReachRules(
            allow_http=settings.webhooks.allow_http,
            allowed=settings.webhooks.allowed_networks,
            refused=settings.webhooks.refused_networks,
        )
        sender = HttpWebhookSender(rules, settings.check_authority_file)
        return Webhooks(
            database=database,
            endpoints=self.kept.endpoints,
            deliveries=self.kept.deliveries,
            happenings=self.happenings,
            deliverer=Deliverer(sender=sender, unsealer=unsealer, clock=clock.system),
            rules=rules,
            sealer=Sealer({SERVICE: unsealer.recipient}),
            audit=audit,
            clock=clock.system,
        )

    def couriers(
        self, settings: Settings, offered: Provider, webhooks: Webhooks
    ) -> Sequence[Callable[[], Awaitable[None]]]:
        """Return what carries happenings to people and programs, and tidies up after them."""
        kept, database = self.kept, webhooks.database
        posted = WebhookRound(
            database=database,
            queue=kept.deliveries,
            endpoints=kept.endpoints,
            deliverer=webhooks.deliverer,
            webhooks=webhooks,
            clock=clock.system,
            chance=random.SystemRandom().random,
        )
        couriers = [courier("webhooks", posted.take, MOST_PARCELS, self.wakeup)]
        if settings.mail.host:
            mailed = _mail_round(settings, offered, kept, database)
            couriers.append(courier("mails", mailed.take, MOST_MAILS, self.wakeup))
        housekeeping = Housekeeping(
            database=database,
            deliveries=kept.deliveries,
            notifications=kept.notifications,
            idempotency=PostgresIdempotencyLedger(),
            clock=clock.system,
        )
        return (*(it.run for it in couriers), housekeeping.run)


def telling_of(settings: Settings, deployments: DeploymentRegister) -> Telling:
    """Return whom everything that happens is told to."""
    kept, wakeup = Registers(), Wakeup()
    happenings = Happenings(
        deployments=deployments,
        endpoints=kept.endpoints,
        deliveries=kept.deliveries,
        notifications=kept.notifications,
        clock=clock.system,
        sends_mail=bool(settings.mail.host),
        nudge=wakeup,
    )
    return Telling(kept=kept, happenings=happenings, wakeup=wakeup)


def _mail_round(
    settings: Settings, offered: Provider, kept: Registers, database: Database
) -> MailRound:
    mail, panel = settings.mail, offered.panel.host
    relay = Relay(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        user=mail.user,
        password=settings.mail_password,
        sender=mail.sender or f"panel@{panel}",
        sender_name=offered.provider.name,
        timeout_seconds=mail.timeout_seconds,
    )
    letterhead = Letterhead(
        provider=offered.provider.name, panel_url=offered.public_url(panel), panel_host=panel
    )
    return MailRound(
        database=database,
        queue=kept.mails,
        mailer=SmtpMailer(relay),
        letterhead=letterhead,
        translator=languages.translator,
        clock=clock.system,
    )
