"""Domains: which records an operator has to set for its deployments, and a look at them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors
from shared.catalogue import media_host
from shared.contracts.deployments import BucketRequest

from ..domain import dns
from ..domain.dns import Check, RecordType, Wanted
from ..domain.identity import Scope
from ..domain.records import Deed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from shared.clock import Clock
    from shared.database import Database, Transaction
    from shared.provider import Provider

    from ..domain.dns import DomainState, Finding
    from ..domain.identity import Caller
    from ..ports import AuditTrail, DeploymentRegister
    from ..ports.dns import DomainRegister, NameServers

MOST_AT_ONCE = 8
"""Names of one domain that are looked up at a time."""


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

    @property
    def state(self) -> DomainState:
        """How far its records are set."""
        return dns.domain_state(self.findings, is_published=self.is_published)

    @property
    def zone_file(self) -> str:
        """What has to be set, as a zone file."""
        return dns.zone_file([it.wanted for it in self.findings])


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """Tell operators what to set, and look whether it is."""

    domains: DomainRegister
    deployments: DeploymentRegister
    provider: Provider
    servers: NameServers
    audit: AuditTrail
    clock: Clock

    async def list_domains(self, tx: Transaction, caller: Caller) -> Sequence[DomainOverview]:
        """Return the operator's domains, by name."""
        caller.require(Scope.READ)
        names = await self.domains.list_names(tx, caller.operator)
        checks = await self.domains.find_checks(tx, names)
        return [await self._overview(tx, caller, it, checks.get(it)) for it in names]

    async def get(self, tx: Transaction, caller: Caller, name: str) -> DomainOverview:
        """Return one of the operator's domains."""
        caller.require(Scope.READ)
        if name not in await self.domains.list_names(tx, caller.operator):
            raise errors.NotFoundError("domain.not_found", "You have no such domain.")
        checks = await self.domains.find_checks(tx, [name])
        return await self._overview(tx, caller, name, checks.get(name))

    async def check(self, database: Database, caller: Caller, name: str) -> DomainOverview:
        """Ask the world about every record of a domain, and keep what it says.

        No transaction is open while it is asked.
        """
        async with database.transaction() as tx:
            caller.require(Scope.WRITE)
            before = await self.get(tx, caller, name)
        if before.is_published:
            return before
        findings = await self._look([it.wanted for it in before.findings], name)
        async with database.transaction() as tx:
            check = Check(at=self.clock.now(), findings=findings)
            await self.domains.keep_check(tx, name, check)
            await self.audit.record(tx, caller, Deed("domain.checked", name))
            return await self.get(tx, caller, name)

    async def _look(self, wanted: Sequence[Wanted], domain: str) -> tuple[Finding, ...]:
        turn = asyncio.Semaphore(MOST_AT_ONCE)

        async def look(it: Wanted) -> Finding:
            async with turn:
                return dns.judge(it, await self.servers.ask(it.name, it.type), domain)

        return tuple(await asyncio.gather(*(look(it) for it in wanted)))

    async def _overview(
        self, tx: Transaction, caller: Caller, name: str, check: Check | None
    ) -> DomainOverview:
        zone = self.provider.find_zone(name)
        deployments = await self.domains.list_deployments(tx, caller.operator, name)
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
