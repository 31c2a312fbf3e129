"""Run panel: read settings, connect adapters, serve until stopped; or make the first person.

fediversity-panel                                   serve
fediversity-panel create-admin --operator NAME      print a token, once
fediversity-panel --print-settings                  the settings, as a table
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import catalogue, clock, errors, provider, runtime, settings_table
from shared import database as databases
from shared.bus import dead_letters as bus_letters
from shared.bus import progress
from shared.sealing import Sealer, Unsealer
from shared.settings import load

from .adapters.outside import HttpOutsideView
from .adapters.postgres_backups import PostgresBackupRegister
from .adapters.postgres_credentials import PostgresCredentialRegister
from .adapters.postgres_deployments import PostgresDeploymentRegister
from .adapters.postgres_identities import PostgresAuditTrail, PostgresIdentityRegister
from .adapters.postgres_ledgers import PostgresDeadLetterRegister, PostgresIdempotencyLedger
from .adapters.postgres_runs import PostgresRunRegister
from .api.app import create_app
from .domain.identity import OPERATOR_SCOPES, Grant, Scope
from .domain.names import NameRules
from .projections import Projections
from .service.access import Access
from .service.backups import Backups
from .service.checks import Checks
from .service.conductor import SERVICE, Conductor
from .service.configurations import SECRETS_READER, Configurations
from .service.credentials import Credentials
from .service.dead_letters import DeadLetters
from .service.feed import Feed
from .service.hosts import Hosts
from .service.interventions import Interventions
from .service.offer import Offer
from .service.openings import Openings
from .service.panel import Panel
from .service.readiness import Readiness
from .service.requests import Requests
from .service.retrying import Retrying
from .service.revisions import Revisions
from .service.runs import Runs
from .settings import Settings

if TYPE_CHECKING:
    from shared.database import Database
    from shared.provider import Provider

SCHEMAS = ("shared", "services.panel")
MOST_DAYS = 3650


async def serve(settings: Settings) -> None:
    """Serve operators."""
    offered = provider.load(settings.provider_file)
    async with runtime.service(SERVICE, settings, schemas=SCHEMAS) as service:
        service.digests = {"provider_file": offered.digest}
        panel, projections, checks = assemble(settings, offered, service.database)

        async def follow_progress() -> None:
            await progress.consume_progress(service.bus, projections.on_progress)

        await service.serve(
            routes=projections.routes(),
            kinds=(checks.kind(),),
            app=create_app(panel),
            background=(follow_progress, panel.feed.run),
        )


@dataclass(frozen=True, slots=True)
class Registers:
    """Panel's own database, by subject."""

    deployments: PostgresDeploymentRegister = field(default_factory=PostgresDeploymentRegister)
    runs: PostgresRunRegister = field(default_factory=PostgresRunRegister)
    backups: PostgresBackupRegister = field(default_factory=PostgresBackupRegister)
    credentials: PostgresCredentialRegister = field(default_factory=PostgresCredentialRegister)
    letters: PostgresDeadLetterRegister = field(default_factory=PostgresDeadLetterRegister)
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


def assemble(
    settings: Settings, offered: Provider, database: Database
) -> tuple[Panel, Projections, Checks]:
    """Put panel together on its database."""
    core = _core(offered, database)
    kept = core.kept
    projections = Projections(
        database=database,
        deployments=kept.deployments,
        runs=kept.runs,
        backups=kept.backups,
        credentials=kept.credentials,
        letters=kept.letters,
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
        audit=kept.audit,
        clock=clock.system,
    )
    credentials = Credentials(
        credentials=kept.credentials,
        deployments=kept.deployments,
        unsealer=Unsealer(settings.age_identity),
        audit=kept.audit,
    )
    own = bus_letters.DeadLetters(SERVICE, database, projections.routes())
    return _panel(core, database, configurations, credentials, own), projections, checks


def _core(offered: Provider, database: Database) -> Core:
    kept = Registers()
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
        nudge=feed.nudge,
    )
    return Core(
        kept=kept,
        offer=offer,
        hosts=Hosts(deployments=kept.deployments, runs=kept.runs),
        readiness=readiness,
        conductor=conductor,
        feed=feed,
    )


def _panel(
    core: Core,
    database: Database,
    configurations: Configurations,
    credentials: Credentials,
    own: bus_letters.DeadLetters,
) -> Panel:
    kept, conductor = core.kept, core.conductor
    requests = Requests(runs=kept.runs, conductor=conductor, audit=kept.audit)
    revisions = Revisions(deployments=kept.deployments, offer=core.offer, clock=clock.system)
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
    )
    return Panel(
        database=database,
        access=Access(identities=PostgresIdentityRegister(), audit=kept.audit),
        offer=core.offer,
        configurations=configurations,
        credentials=credentials,
        runs=runs,
        backups=backups,
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
        idempotency=PostgresIdempotencyLedger(),
        feed=core.feed,
    )


async def create_admin(settings: Settings, operator: str, person: str, grant: Grant) -> str:
    """Make operator, person, membership and token in one transaction; return the token."""
    access = Access(identities=PostgresIdentityRegister(), audit=PostgresAuditTrail())
    names = {
        "database": settings.postgres.database or SERVICE,
        "user": settings.postgres.user or SERVICE,
    }
    postgres = settings.postgres.model_copy(update=names)
    password = settings.postgres_password
    async with (
        databases.connect(postgres, password, schemas=SCHEMAS) as database,
        database.transaction() as tx,
    ):
        return await access.create_admin(tx, operator, person, grant)


def main() -> None:
    """Start panel, or make the first person."""
    arguments = _parser().parse_args()
    if arguments.print_settings:
        sys.stdout.write(settings_table.render(Settings) + "\n")
        return
    with runtime.explained(SERVICE):
        settings = load(Settings)
        if arguments.command == "create-admin":
            made = create_admin(settings, arguments.operator, arguments.name, _grant(arguments))
            sys.stdout.write(asyncio.run(made) + "\n")
        else:
            runtime.run(SERVICE, settings, serve(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fediversity-panel", description="Run the panel.")
    parser.add_argument("--print-settings", action="store_true", help="show them and end")
    commands = parser.add_subparsers(dest="command")
    admin = commands.add_parser("create-admin", help="make the first person of an operator")
    admin.add_argument("--operator", required=True, help="name of the organisation")
    admin.add_argument("--name", default="Administrator", help="name of the person")
    admin.add_argument(
        "--provider", action="store_true", help="let the token see every operator's dead letters"
    )
    admin.add_argument(
        "--expires-days", type=_days, metavar="N", help="let the token expire after N days"
    )
    return parser


def _days(text: str) -> timedelta:
    days = int(text)
    if not 1 <= days <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"choose from 1 to {MOST_DAYS} days")
    return timedelta(days=days)


def _grant(arguments: argparse.Namespace) -> Grant:
    more = {Scope.PROVIDER} if arguments.provider else frozenset()
    length = arguments.expires_days
    return Grant(
        scopes=OPERATOR_SCOPES | more,
        expires_at=clock.system.now() + length if length else None,
    )


if __name__ == "__main__":
    main()
