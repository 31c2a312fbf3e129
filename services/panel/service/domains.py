"""Domains: which records an operator has to set for its deployments, and a look at them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors

from ..domain.identity import Scope
from ..domain.records import Deed
from ..domain.refusals import TooManyAtOnceError
from ..domain.sentences import N_

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.database import Database, Transaction

    from ..domain.identity import Caller
    from ..domain.records import NamePage
    from ..ports import AuditTrail
    from ..ports.dns import DomainRegister
    from .inspections import DomainOverview, Inspections

PAUSE: Final = timedelta(seconds=10)
"""Between two looks that people ask for: each of them asks many servers of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """Tell operators what to set, and look whether it is."""

    domains: DomainRegister
    inspections: Inspections
    audit: AuditTrail
    looking: set[str] = field(default_factory=set)
    """The domains that this process is asking about."""

    async def list_domains(
        self, tx: Transaction, caller: Caller, page: NamePage
    ) -> Sequence[DomainOverview]:
        """Return the operator's domains, by name."""
        caller.require(Scope.READ)
        names = await self.domains.list_names(tx, caller.operator, page)
        checks = await self.domains.find_checks(tx, names)
        overview = self.inspections.overview
        return [await overview(tx, caller.operator, it, checks.get(it)) for it in names]

    async def get(self, tx: Transaction, caller: Caller, name: str) -> DomainOverview:
        """Return one of the operator's domains."""
        caller.require(Scope.READ)
        # What cannot be written down is nobody's.
        owner = await self.domains.find_owner(tx, name) if name.isprintable() else None
        if owner != caller.operator:
            raise errors.NotFoundError("domain.not_found", "You have no such domain.")
        checks = await self.domains.find_checks(tx, [name])
        return await self.inspections.overview(tx, caller.operator, name, checks.get(name))

    async def check(self, database: Database, caller: Caller, name: str) -> DomainOverview:
        """Ask the world about every record of a domain, and keep what it says.

        No transaction is open while it is asked.

        Raises:
            TooManyAtOnceError: it was asked a moment ago, or is being asked.
        """
        async with database.transaction() as tx:
            caller.require(Scope.WRITE)
            before = await self.get(tx, caller, name)
        if before.is_published:
            return before
        with self._alone(before):
            check = await self.inspections.look([it.wanted for it in before.findings], name)
        async with database.transaction() as tx:
            await self.inspections.note(tx, caller.operator, name, check)
            await self.audit.record(tx, caller, Deed("domain.checked", name))
            return await self.get(tx, caller, name)

    @contextlib.contextmanager
    def _alone(self, domain: DomainOverview) -> Iterator[None]:
        """Let nobody else ask about a domain for the length of a block."""
        at = domain.checked_at
        is_recent = at is not None and timedelta() <= self.inspections.clock.now() - at < PAUSE
        if is_recent or domain.name in self.looking:
            raise TooManyAtOnceError(
                "domain.checked_just_now",
                N_("This domain was looked at a moment ago. Wait ten seconds, then look again."),
            )
        self.looking.add(domain.name)
        try:
            yield
        finally:
            self.looking.discard(domain.name)
