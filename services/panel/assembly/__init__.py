"""Panel put together: which adapter stands behind each port, and who knows whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Final

from shared import catalogue, clock, errors
from shared.bus import dead_letters as bus_letters
from shared.sealing import Sealer, Unsealer

from ..adapters.outside import HttpOutsideView
from ..adapters.postgres_backups import PostgresBackupRegister
from ..adapters.postgres_credentials import PostgresCredentialRegister
from ..adapters.postgres_deployments import PostgresDeploymentRegister
from ..adapters.postgres_drafts import PostgresDraftRegister
from ..adapters.postgres_history import PostgresRunHistory
from ..adapters.postgres_identities import PostgresAuditTrail
from ..adapters.postgres_ledgers import PostgresDeadLetterRegister, PostgresIdempotencyLedger
from ..adapters.postgres_people import PostgresPersonRegister
from ..adapters.postgres_provider import (
    PostgresMachineRegister,
    PostgresNoticeRegister,
    PostgresQuotaRegister,
    PostgresTroubleRegister,
)
from ..adapters.postgres_runs import PostgresRunRegister
from ..domain.names import NameRules
from ..projections import Projections
from ..service.allowances import Allowances
from ..service.backups import Backups
from ..service.checks import Checks
from ..service.conductor import SERVICE, Conductor
from ..service.configurations import SECRETS_READER, Configurations
from ..service.credentials import Credentials
from ..service.dead_letters import DeadLetters
from ..service.drafts import Drafts
from ..service.feed import Feed
from ..service.history import History
from ..service.hosts import Hosts
from ..service.interventions import Interventions
from ..service.notice_board import NoticeBoard
from ..service.offer import Offer
from ..service.openings import Openings
from ..service.panel import Panel
from ..service.past_revisions import PastRevisions
from ..service.provider import ProviderAffairs
from ..service.readiness import Readiness
from ..service.reports import Reports
from ..service.requests import Requests
from ..service.retrying import Retrying
from ..service.revisions import Revisions
from ..service.runs import Runs
from .entry import assemble_access, entry_of
from .looking import backup_rounds, looking_of
from .telling import Telling, telling_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.database import Database
    from shared.provider import Provider

    from ..service.domains import Domains
    from ..service.webhooks import Webhooks
    from ..settings import Settings


DISTRIBUTION: Final = "fediversity"
"""What this program is installed as."""


@dataclass(frozen=True, slots=True)
class Registers:
    """Panel's own database, by subject."""

    deployments: PostgresDeploymentRegister = field(default_factory=PostgresDeploymentRegister)
    runs: PostgresRunRegister = field(default_factory=PostgresRunRegister)
    backups: PostgresBackupRegister = field(default_factory=PostgresBackupRegister)
    credentials: PostgresCredentialRegister = field(default_factory=PostgresCredentialRegister)
    letters: PostgresDeadLetterRegister = field(default_factory=PostgresDeadLetterRegister)
    quotas: PostgresQuotaRegister = field(default_factory=PostgresQuotaRegister)
    machines: PostgresMachineRegister = field(default_factory=PostgresMachineRegister)
    notices: PostgresNoticeRegister = field(default_factory=PostgresNoticeRegister)
    audit: PostgresAuditTrail = field(default_factory=PostgresAuditTrail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What most of panel's parts share."""

    kept: Registers
    offer: Offer
    hosts: Hosts
    readiness: Readiness
    conductor: Conductor
    feed: Feed
    telling: Telling


@dataclass(frozen=True, slots=True)
class Subjects:
    """What needs settings, and not much of the core."""

    configurations: Configurations
    credentials: Credentials
    domains: Domains
    webhooks: Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What panel's process runs."""

    panel: Panel
    projections: Projections
    checks: Checks
    background: Sequence[Callable[[], Awaitable[None]]]
    """What goes on beside everything else, until the process ends."""


def assemble(settings: Settings, offered: Provider, database: Database) -> Parts:
    """Put panel together on its database."""
    core = _core(settings, offered, database)
    kept = core.kept
    projections = Projections(
        database=database,
        deployments=kept.deployments,
        runs=kept.runs,
        backups=kept.backups,
        credentials=kept.credentials,
        letters=kept.letters,
        machines=kept.machines,
        conductor=core.conductor,
    )
    checks = Checks(
        deployments=kept.deployments,
        runs=kept.runs,
        hosts=core.hosts,
        conductor=core.conductor,
        outside=HttpOutsideView(settings.check_authority_file),
        patience_seconds=settings.check_patience_seconds,
    )
    if SECRETS_READER not in settings.recipients:
        raise errors.InvalidError(
            "settings.recipients",
            f"the recipient of {SECRETS_READER} is missing; add it to PANEL_RECIPIENTS",
        )
    configurations = Configurations(
        deployments=kept.deployments,
        offer=core.offer,
        hosts=core.hosts,
        names=NameRules(
            zones=tuple(zone.suffix for zone in offered.zones), panel_host=offered.panel.host
        ),
        sealer=Sealer(settings.recipients),
        allowances=Allowances(quotas=kept.quotas),
        notices=kept.notices,
        audit=kept.audit,
        happenings=core.telling.happenings,
        clock=clock.system,
    )
    credentials = Credentials(
        credentials=kept.credentials,
        deployments=kept.deployments,
        unsealer=Unsealer(settings.age_identity),
        audit=kept.audit,
    )
    own = bus_letters.DeadLetters(SERVICE, database, projections.routes())
    looking = looking_of(settings, offered, database, kept.deployments, core.telling.happenings)
    domains = looking.domains(kept.audit)
    webhooks = core.telling.webhooks(settings, database, credentials.unsealer, kept.audit)
    subjects = Subjects(configurations, credentials, domains, webhooks)
    panel = _panel(core, database, subjects, own)
    return Parts(
        panel=panel,
        projections=projections,
        checks=checks,
        background=(
            core.feed.run,
            panel.provider.board.run,
            looking.rounds.run,
            *backup_rounds(settings, database, kept.backups, core.telling.happenings),
            *core.telling.couriers(settings, offered, webhooks),
        ),
    )


def _core(settings: Settings, offered: Provider, database: Database) -> Core:
    kept = Registers()
    telling = telling_of(settings, kept.deployments)
    feed = Feed(database, kept.runs)
    offer = Offer(
        catalogue=catalogue.load(offered.catalogue.folders),
        sizes=offered.sizes,
        machine_days=offered.runtime_backends[0].retention_days,
    )
    readiness = Readiness(deployments=kept.deployments, runs=kept.runs, clock=clock.system)
    openings = Openings(
        deployments=kept.deployments, backups=kept.backups, readiness=readiness, offer=offer
    )
    conductor = Conductor(
        deployments=kept.deployments,
        runs=kept.runs,
        backups=kept.backups,
        openings=openings,
        clock=clock.system,
        happenings=telling.happenings,
        nudge=feed.nudge,
    )
    return Core(
        kept=kept,
        offer=offer,
        hosts=Hosts(deployments=kept.deployments, runs=kept.runs),
        readiness=readiness,
        conductor=conductor,
        feed=feed,
        telling=telling,
    )


def _panel(
    core: Core,
    database: Database,
    subjects: Subjects,
    own: bus_letters.DeadLetters,
) -> Panel:
    kept, conductor = core.kept, core.conductor
    configurations, credentials = subjects.configurations, subjects.credentials
    requests = Requests(runs=kept.runs, conductor=conductor, audit=kept.audit)
    allowances = Allowances(quotas=kept.quotas)
    revisions = Revisions(
        deployments=kept.deployments,
        offer=core.offer,
        allowances=allowances,
        clock=clock.system,
    )
    runs = Runs(
        deployments=kept.deployments,
        runs=kept.runs,
        revisions=revisions,
        requests=requests,
        clock=clock.system,
    )
    backups = Backups(
        deployments=kept.deployments,
        runs=kept.runs,
        backups=kept.backups,
        configurations=configurations,
        offer=core.offer,
        revisions=revisions,
        readiness=core.readiness,
        requests=requests,
        allowances=allowances,
    )
    entry = entry_of(database, credentials.unsealer, core.telling.happenings)
    return Panel(
        database=database,
        access=assemble_access(),
        accounts=entry.accounts,
        sign_in=entry.sign_in,
        sessions=entry.sessions,
        people=entry.people,
        tokens=entry.tokens,
        audit=entry.audit,
        offer=core.offer,
        configurations=configurations,
        past_revisions=PastRevisions(
            deployments=kept.deployments,
            offer=core.offer,
            configurations=configurations,
            runs=runs,
        ),
        drafts=Drafts(
            drafts=PostgresDraftRegister(),
            people=PostgresPersonRegister(),
            configurations=configurations,
            runs=runs,
            offer=core.offer,
            names=configurations.names,
            sealer=configurations.sealer,
            audit=kept.audit,
            clock=clock.system,
        ),
        credentials=credentials,
        domains=subjects.domains,
        runs=runs,
        backups=backups,
        history=History(history=PostgresRunHistory(), registered=kept.runs, runs=runs),
        reports=Reports(
            runs=runs,
            registered=kept.runs,
            deployments=kept.deployments,
            people=PostgresPersonRegister(),
            version=_version(),
            clock=clock.system,
        ),
        retrying=Retrying(
            deployments=kept.deployments,
            registered=kept.runs,
            kept=kept.backups,
            runs=runs,
            backups=backups,
            hosts=core.hosts,
            offer=core.offer,
            readiness=core.readiness,
            requests=requests,
            allowances=allowances,
        ),
        interventions=Interventions(
            deployments=kept.deployments,
            registered=kept.runs,
            runs=runs,
            readiness=core.readiness,
            requests=requests,
            conductor=conductor,
            audit=kept.audit,
        ),
        letters=DeadLetters(
            letters=kept.letters,
            deployments=kept.deployments,
            runs=kept.runs,
            conductor=conductor,
            audit=kept.audit,
            own=own,
        ),
        provider=ProviderAffairs(
            quotas=kept.quotas,
            troubles=PostgresTroubleRegister(),
            machines=kept.machines,
            notices=kept.notices,
            board=NoticeBoard(database=database, notices=kept.notices),
            offer=core.offer,
            audit=kept.audit,
            clock=clock.system,
        ),
        idempotency=PostgresIdempotencyLedger(),
        feed=core.feed,
        notifications=core.telling.notifications_for(kept.audit),
        webhooks=subjects.webhooks,
    )


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return ""
