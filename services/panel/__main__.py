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

from shared import clock, provider, runtime, settings_table
from shared import database as databases
from shared.bus import progress
from shared.settings import load

from .api.app import create_app as create_rest
from .api.rates import Rates
from .assembly import assemble, assemble_access
from .domain.identity import OPERATOR_SCOPES, Grant, Scope
from .service.conductor import SERVICE
from .settings import Settings
from .web.app import create_app
from .web.shell import Site

SCHEMAS = ("shared", "services.panel")
MOST_DAYS = 3650


async def serve(settings: Settings) -> None:
    """Serve operators."""
    offered = provider.load(settings.provider_file)
    async with runtime.service(SERVICE, settings, schemas=SCHEMAS) as service:
        service.digests = {"provider_file": offered.digest}
        panel, projections, checks = assemble(settings, offered, service.database)
        rest = create_rest(panel, _rates(settings))

        async def follow_progress() -> None:
            await progress.consume_progress(service.bus, projections.on_progress)

        await service.serve(
            routes=projections.routes(),
            kinds=(checks.kind(),),
            app=create_app(panel, rest, Site(provider=offered.provider.name)),
            background=(follow_progress, panel.feed.run),
        )


def _rates(settings: Settings) -> Rates:
    return Rates(
        tokens=settings.requests_per_minute, addresses=settings.unknown_requests_per_minute
    )


async def create_admin(settings: Settings, operator: str, person: str, grant: Grant) -> str:
    """Make operator, person, membership and token in one transaction; return the token."""
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
        return await assemble_access().create_admin(tx, operator, person, grant)


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
