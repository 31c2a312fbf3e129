"""What looks at the world without anybody asking, put together."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import clock

from ..adapters.name_servers import DnsNameServers, endpoints
from ..adapters.postgres_domains import PostgresDomainRegister
from ..domain.domain_watch import Pace
from ..domain.reachable import EVERYWHERE, ReachRules
from ..service.backup_rounds import BackupRounds
from ..service.domain_rounds import DomainRounds
from ..service.domains import Domains
from ..service.inspections import Inspections

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.database import Database
    from shared.provider import Provider

    from ..ports import AuditTrail, BackupRegister, DeploymentRegister
    from ..service.happenings import Happenings
    from ..settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How domains are looked at, for people and by itself."""

    rounds: DomainRounds

    def domains(self, audit: AuditTrail) -> Domains:
        """Return how people see their domains."""
        rounds = self.rounds
        return Domains(domains=rounds.domains, inspections=rounds.inspections, audit=audit)


def looking_of(
    settings: Settings,
    offered: Provider,
    database: Database,
    deployments: DeploymentRegister,
    happenings: Happenings,
) -> Looking:
    """Return how domains are looked at."""
    register, checks = PostgresDomainRegister(), settings.domain_checks
    inspections = Inspections(
        domains=register,
        deployments=deployments,
        provider=offered,
        servers=DnsNameServers(
            resolvers=endpoints(settings.dns_resolvers),
            timeout_seconds=settings.dns_timeout_seconds,
            authority_port=settings.dns_authority_port,
            rules=ReachRules(
                allowed=EVERYWHERE if settings.dns_may_ask_inside else (),
                refused=settings.webhooks.refused_networks,
            ),
        ),
        happenings=happenings,
        pace=Pace(
            interval=timedelta(seconds=checks.interval_seconds),
            confirm=timedelta(seconds=checks.confirm_seconds),
        ),
        clock=clock.system,
        chance=random.SystemRandom().random,
    )
    rounds = DomainRounds(
        database=database,
        domains=register,
        inspections=inspections,
        clock=clock.system,
        most=checks.at_once,
    )
    return Looking(rounds=rounds)


def backup_rounds(
    settings: Settings, database: Database, backups: BackupRegister, happenings: Happenings
) -> Sequence[Callable[[], Awaitable[None]]]:
    """Return what looks at the age of backups, unless nobody wants to know."""
    if not settings.backup_stale_days:
        return ()
    rounds = BackupRounds(
        database=database,
        backups=backups,
        happenings=happenings,
        clock=clock.system,
        age=timedelta(days=settings.backup_stale_days),
    )
    return (rounds.run,)
