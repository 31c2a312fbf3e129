"""Run panel: read settings, connect adapters, serve until stopped; or make the first person.

fediversity-panel                                   serve
fediversity-panel create-admin --operator NAME      print a token, once
fediversity-panel --print-settings                  the settings, as a table
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import catalogue, clock, errors, provider, runtime, settings_table
from shared import database as databases
from shared.bus import dead_letters as bus_letters
from shared.bus import progress
from shared.sealing import Sealer, Unsealer
from shared.settings import load

from .adapters.outside import HttpOutsideView
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
from .service.checks import Checks
from .service.conductor import SERVICE, Conductor
from .service.configurations import SECRETS_READER, Configurations
from .service.credentials import Credentials
from .service.dead_letters import DeadLetters
from .service.feed import Feed
from .service.hosts import Hosts
from .service.offer import Offer
from .service.panel import Panel
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


def assemble(
    settings: Settings, offered: Provider, database: Database
) -> tuple[Panel, Projections, Checks]:
    """Put panel together on its database."""
    deployments, runs = PostgresDeploymentRegister(), PostgresRunRegister()
    letters, audit = PostgresDeadLetterRegister(), PostgresAuditTrail()
    credentials = PostgresCredentialRegister()
    hosts = Hosts(deployments=deployments, runs=runs)
    feed = Feed(database, runs)
    offer = Offer(catalogue=catalogue.load(offered.catalogue.folders), sizes=offered.sizes)
    conductor = Conductor(deployments=deployments, runs=runs, clock=clock.system, nudge=feed.nudge)
    projections = Projections(
        database=database,
        deployments=deployments,
        runs=runs,
        credentials=credentials,
        letters=letters,
        conductor=conductor,
    )
    checks = Checks(
        deployments=deployments,
        runs=runs,
        hosts=hosts,
        conductor=conductor,
        outside=HttpOutsideView(settings.check_authority_file),
        patience_seconds=settings.check_patience_seconds,
    )
    if SECRETS_READER not in settings.recipients:
        raise errors.InvalidError(
            "settings.recipients",
            f"the recipient of {SECRETS_READER} is missing; add it to PANEL_RECIPIENTS",
        )
    zones = tuple(zone.suffix for zone in offered.zones)
    own = bus_letters.DeadLetters(SERVICE, database, projections.routes())
    panel = Panel(
        database=database,
        access=Access(identities=PostgresIdentityRegister(), audit=audit),
        offer=offer,
        configurations=Configurations(
            deployments=deployments,
            offer=offer,
            hosts=hosts,
            names=NameRules(zones=zones, panel_host=offered.panel.host),
            sealer=Sealer(settings.recipients),
            audit=audit,
            clock=clock.system,
        ),
        credentials=Credentials(
            credentials=credentials,
            deployments=deployments,
            unsealer=Unsealer(settings.age_identity),
            audit=audit,
        ),
        runs=Runs(
            deployments=deployments,
            runs=runs,
            hosts=hosts,
            conductor=conductor,
            offer=offer,
            audit=audit,
        ),
        letters=DeadLetters(
            letters=letters,
            deployments=deployments,
            runs=runs,
            conductor=conductor,
            audit=audit,
            own=own,
        ),
        idempotency=PostgresIdempotencyLedger(),
        feed=feed,
    )
    return panel, projections, checks


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
