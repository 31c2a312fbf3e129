"""Inspections: what the records of a domain have to be, what they are, and what is told of that."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.catalogue import media_host
from shared.contracts.deployments import BucketRequest

from ..domain import dns, happenings
from ..domain.dns import Check, RecordType, Wanted
from ..domain.domain_watch import verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from shared.clock import Clock
    from shared.database import Transaction
    from shared.provider import Provider

    from ..domain.dns import DomainState, Finding
    from ..domain.domain_watch import Pace, Watch
    from ..ports import DeploymentRegister
    from ..ports.dns import DomainRegister, NameServers
    from .happenings import Happenings

MOST_AT_ONCE: Final = 8
"""Names of one domain that are looked up at a time."""
JITTER: Final = 0.2
"""Looks come earlier or later by at most half of this part of a pause: not all at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainOverview:
    """A domain, what has to be set for it, and what was found last."""

    name: str
    zone: str
    """The part of the name space it lies in."""
    is_published: bool
    """Whether the provider publishes its names itself."""
    deployments: Sequence[str]
    findings: Sequence[Finding]
    """One per record; as last seen, or unchecked."""
    checked_at: datetime | None = None
    good_at: datetime | None = None
    """When all was last seen to be right."""

    @property
    def state(self) -> DomainState:
        """How far its records are set."""
        return dns.domain_state(self.findings, is_published=self.is_published)

    @property
    def zone_file(self) -> str:
        """What has to be set, as a zone file."""
        return dns.zone_file([it.wanted for it in self.findings])


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspections:
    """Look at domains, for a person or by themselves."""

    domains: DomainRegister
    deployments: DeploymentRegister
    provider: Provider
    servers: NameServers
    happenings: Happenings
    pace: Pace
    clock: Clock
    chance: Callable[[], float]
    """Return a number from 0 to 1."""
    longest_seconds: float = 30.0
    """A look is over by then; what nobody answered for counts as not looked at."""

    async def look(self, wanted: Sequence[Wanted], domain: str) -> Check:
        """Ask the world about records; no transaction is open while it is asked."""
        turn = asyncio.Semaphore(MOST_AT_ONCE)
        until = asyncio.get_running_loop().time() + self.longest_seconds

        async def ask(it: Wanted) -> Finding:
            try:
                async with asyncio.timeout_at(until), turn:
                    return dns.judge(it, await self.servers.ask(it.name, it.type), domain)
            except TimeoutError:
                return dns.unchecked(it)

        found = tuple(await asyncio.gather(*(ask(it) for it in wanted)))
        return Check(at=self.clock.now(), findings=found)

    async def note(self, tx: Transaction, operator: str, name: str, check: Check) -> None:
        """Keep what a look has found, tell what has changed, and decide when to look again."""
        watch = await self.domains.lock_watch(tx, name)
        if watch is None or watch.operator != operator:
            return  # given up meanwhile
        before = (await self.domains.find_checks(tx, [name])).get(name)
        if before is not None and _names(check) - _names(before):
            watch = watch.begun_anew()
        watch, kind = watch.after(verdict(check.findings), check.at, self.pace)
        await self.domains.keep_check(tx, name, check)
        await self.plan(tx, watch, check.at)
        if kind is not None:
            await self.happenings.tell(tx, happenings.of_domain(kind, watch, check))

    async def plan(self, tx: Transaction, watch: Watch, now: datetime) -> None:
        """Decide when to look again."""
        pause = watch.pause(now, self.pace) * (1 + JITTER * (self.chance() - 0.5))
        await self.domains.keep_watch(tx, watch, now + pause)

    async def overview(
        self, tx: Transaction, operator: str, name: str, check: Check | None
    ) -> DomainOverview:
        """Return what a domain needs, and what was found of it."""
        zone = self.provider.find_zone(name)
        deployments = await self.domains.list_deployments(tx, operator, name)
        hosts = [host for it in deployments for host in await self._hosts(tx, it, name)]
        known = {(it.wanted.name, it.wanted.type): it for it in check.findings} if check else {}
        findings = []
        for it in self._wanted(hosts):
            seen = known.get((it.name, it.type))
            # What was seen says nothing about values that are wanted only since.
            is_same = seen is not None and seen.wanted == it
            findings.append(seen if seen and is_same else dns.unchecked(it))
        return DomainOverview(
            name=name,
            zone=zone.suffix if zone else "",
            is_published=zone is not None and zone.kind != "manual",
            deployments=deployments,
            findings=findings,
            checked_at=check.at if check else None,
            good_at=check.good_at if check else None,
        )

    async def _hosts(self, tx: Transaction, deployment: str, domain: str) -> Sequence[str]:
        """Return the names that lead to a deployment, or will once it is deployed."""
        staged = await self.deployments.find_configuration(tx, deployment)
        revision = await self.deployments.find_revision(tx, deployment)
        found = [it.host for it in staged.applications] if staged else []
        for it in revision.resources if revision else ():
            if isinstance(it, BucketRequest) and it.public_host is not None:
                order = revision.find(it.application) if revision else None
                if order is not None and order.host in found:
                    found.append(media_host(order.host, domain))
        return found

    def _wanted(self, hosts: Iterable[str]) -> Sequence[Wanted]:
        """Return what each name has to have: the edge's addresses, and no others."""
        addresses = self.provider.edge.addresses
        by_type = {
            RecordType.A: tuple(str(it) for it in addresses if it.version == 4),  # noqa: PLR2004
            RecordType.AAAA: tuple(str(it) for it in addresses if it.version == 6),  # noqa: PLR2004
        }
        return [
            Wanted(name=host, type=kind, values=values)
            for host in dict.fromkeys(hosts)
            for kind, values in by_type.items()
        ]


def _names(check: Check) -> set[str]:
    return {it.wanted.name for it in check.findings}
