"""A domain with a deployment on it, the servers of the world that know it, and looks at it."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from services.panel.adapters.name_servers import DnsNameServers, endpoints
from services.panel.adapters.postgres_deployments import PostgresDeploymentRegister
from services.panel.adapters.postgres_domains import PostgresDomainRegister
from services.panel.domain.domain_watch import Pace
from services.panel.domain.reachable import EVERYWHERE, ReachRules
from services.panel.service.domain_rounds import DomainRounds
from services.panel.service.inspections import Inspections
from shared import ids, provider
from tests.support import panel as rigs
from tests.support.clock import FixedClock
from tests.support.happenings import HappeningRig
from tests.support.name_server import NameServer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from shared.database import Database
    from tests.support.panel import Json, PanelRig

EDGE: Final = "127.0.0.1"
PACE: Final = Pace(interval=timedelta(hours=6), confirm=timedelta(minutes=5))


@dataclass
class Scene:
    """A domain with a deployment, its own server, and two resolvers that others ask."""

    client: httpx2.AsyncClient
    deployment: str
    name: str
    own: NameServer
    old: NameServer
    new: NameServer
    panel: PanelRig

    @property
    def domain(self) -> str:
        return self.own.zone

    @property
    def path(self) -> str:
        return f"/domains/{self.domain}"

    async def check(self) -> Json:
        """Look, as a person who asks for it and did not do so just before."""
        await let_time_pass(self.panel, self.domain)
        answer = await self.client.post(f"{self.path}/checks")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def answer(self, *addresses: str) -> None:
        """Let all the world find the name at these addresses."""
        for it in (self.own, self.old, self.new):
            it.records = {(self.name, "A"): list(addresses)} if addresses else {}


async def let_time_pass(panel: PanelRig, domain: str) -> None:
    """Let the last look at a domain be a minute ago, or a minute longer."""
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute(
            "update domains set checked_at = checked_at - interval '1 minute' where name = $1",
            domain,
        )


@asynccontextmanager
async def domain_scene(panel: PanelRig, client: httpx2.AsyncClient) -> AsyncIterator[Scene]:
    """Yield a new domain of an operator."""
    domain = f"{ids.new_id()}.fedi.test"
    own = NameServer(zone=domain)
    old = NameServer(zone=domain, is_authority=False, ttl=600)
    new = NameServer(zone=domain, is_authority=False)
    ports = (panel.authority_port, *panel.resolver_ports)
    deployment = await rigs.create(client, domain)
    async with AsyncExitStack() as stack:
        for server, port in zip((own, old, new), ports, strict=True):
            await stack.enter_async_context(serving(server, port))
        yield Scene(client, deployment["id"], f"hello.{domain}", own, old, new, panel)


@dataclass(kw_only=True)
class Lookout:
    """Looks at one domain that nobody asks about, under a clock that stands."""

    database: Database
    rounds: DomainRounds
    clock: FixedClock

    async def look(self, domain: str, *, after: timedelta = timedelta()) -> int:
        """Let time pass, and look at this domain, and no other."""
        self.clock.at += after
        async with self.database.transaction() as tx:
            await tx.execute(
                """update domains set recheck_at =
                case when name = $1 then $2 else $2::timestamptz + interval '1 year' end""",
                domain,
                self.clock.at,
            )
        return await self.rounds.look_at_due()


def lookout(panel: PanelRig, database: Database, *, most: int = 4) -> Lookout:
    """Return what looks at domains of a panel, in its future: the panel itself will not."""
    clock = FixedClock(at=datetime.now(UTC) + timedelta(days=1))
    register = PostgresDomainRegister()
    inspections = Inspections(
        domains=register,
        deployments=PostgresDeploymentRegister(),
        provider=provider.load(panel.directory / "provider.toml"),
        servers=DnsNameServers(
            resolvers=endpoints(" ".join(f"{EDGE}:{it}" for it in panel.resolver_ports)),
            timeout_seconds=1.5,
            authority_port=panel.authority_port,
            rules=ReachRules(allowed=EVERYWHERE),
        ),
        happenings=HappeningRig(database=database, clock=clock).happenings,
        pace=PACE,
        clock=clock,
        chance=lambda: 0.5,
    )
    rounds = DomainRounds(
        database=database, domains=register, inspections=inspections, clock=clock, most=most
    )
    return Lookout(database=database, rounds=rounds, clock=clock)
