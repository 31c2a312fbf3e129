"""Run panel: read settings, connect adapters, serve until stopped; or let somebody in.

fediversity-panel                                   serve
fediversity-panel create-admin --operator NAME      print a token and a sign-in link, once
fediversity-panel sign-in-link --operator NAME      print another sign-in link for its owner
fediversity-panel --print-settings                  the settings, as a table
fediversity-panel --print-openapi                   what the REST API takes and answers
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import clock, provider, runtime, settings_table
from shared import database as databases
from shared.bus import progress
from shared.settings import load

from .api.app import create_app as create_rest
from .api.app import create_documented_app
from .api.document import written
from .api.rates import Rates
from .assembly import assemble
from .assembly.entry import assemble_access
from .domain.identity import OPERATOR_SCOPES, Grant, Scope
from .service.conductor import SERVICE
from .settings import Settings
from .web.app import create_app
from .web.shell import Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.database import Transaction

SCHEMAS = ("shared", "services.panel")
MOST_DAYS = 3650
MOST_MINUTES = 24 * 60
SIGN_IN_ONCE = "/sign-in/once"


async def serve(settings: Settings) -> None:
    """Serve operators."""
    offered = provider.load(settings.provider_file)
    async with runtime.service(SERVICE, settings, schemas=SCHEMAS) as service:
        service.digests = {"provider_file": offered.digest}
        parts = assemble(settings, offered, service.database)
        site = Site(
            provider=offered.provider.name,
            notice=parts.panel.provider.board.read,
            title_of=parts.panel.offer.title_of,
        )
        rest = create_rest(parts.panel, _rates(settings))

        async def follow_progress() -> None:
            await progress.consume_progress(service.bus, parts.projections.on_progress)

        await service.serve(
            routes=parts.projections.routes(),
            kinds=(parts.checks.kind(),),
            app=create_app(parts.panel, rest, site),
            background=(follow_progress, *parts.background),
        )


def _rates(settings: Settings) -> Rates:
    return Rates(
        tokens=settings.requests_per_minute, addresses=settings.unknown_requests_per_minute
    )


@asynccontextmanager
async def _transaction(settings: Settings) -> AsyncIterator[Transaction]:
    """Open a transaction in panel's database, whether panel runs or not."""
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
        yield tx


async def create_admin(settings: Settings, operator: str, person: str, grant: Grant) -> str:
    """Make operator, person, membership and token; return token and sign-in link as two lines."""
    async with _transaction(settings) as tx:
        made = await assemble_access().create_admin(tx, operator, person, grant)
    return f"{made.token}\n{_link(settings, made.code)}\n"


async def sign_in_link(settings: Settings, operator: str, length: timedelta) -> str:
    """Return a link that signs in an operator's first owner once, as a line."""
    async with _transaction(settings) as tx:
        code = await assemble_access().make_code(tx, operator, length)
    return f"{_link(settings, code)}\n"


def _link(settings: Settings, code: str) -> str:
    """Return where a code signs in; what follows the # never leaves the browser by itself."""
    offered = provider.load(settings.provider_file)
    return f"{offered.public_url(offered.panel.host)}{SIGN_IN_ONCE}#{code}"


def main() -> None:
    """Start panel, or let somebody in."""
    arguments = _parser().parse_args()
    if arguments.print_settings:
        sys.stdout.write(settings_table.render(Settings) + "\n")
        return
    if arguments.print_openapi:
        sys.stdout.write(written(create_documented_app(Rates()).openapi()))
        return
    with runtime.explained(SERVICE):
        settings = load(Settings)
        match arguments.command:
            case "create-admin":
                chosen = (arguments.operator, arguments.name, _grant(arguments))
                sys.stdout.write(asyncio.run(create_admin(settings, *chosen)))
            case "sign-in-link":
                length = timedelta(minutes=arguments.minutes)
                sys.stdout.write(asyncio.run(sign_in_link(settings, arguments.operator, length)))
            case _:
                runtime.run(SERVICE, settings, serve(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fediversity-panel", description="Run the panel.")
    parser.add_argument("--print-settings", action="store_true", help="show them and end")
    parser.add_argument("--print-openapi", action="store_true", help="show it and end")
    commands = parser.add_subparsers(dest="command")
    admin = commands.add_parser("create-admin", help="make the first person of an operator")
    admin.add_argument("--operator", required=True, help="name of the organisation")
    admin.add_argument("--name", default="Administrator", help="name of the person")
    admin.add_argument(
        "--provider", action="store_true", help="let person and token act for the hosting provider"
    )
    admin.add_argument(
        "--expires-days", type=_days, metavar="N", help="let the token expire after N days"
    )
    link = commands.add_parser("sign-in-link", help="let an operator's owner sign in, once")
    link.add_argument("--operator", required=True, help="name of the organisation")
    link.add_argument(
        "--minutes",
        type=_minutes,
        default=10,
        metavar="N",
        help="how long the link works; 10 unless said",
    )
    return parser


def _minutes(text: str) -> int:
    minutes = int(text)
    if not 1 <= minutes <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"choose from 1 to {MOST_MINUTES} minutes")
    return minutes


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
