"""The audit trail for those who may look at it: what was done for their operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..domain.identity import Role, Scope
from ..domain.records import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from shared.database import Database, Transaction

    from ..domain.audit import AuditEntry, AuditFilter
    from ..domain.identity import Caller
    from ..ports.people import AuditView

AT_ONCE: Final = 500
MOST_EXPORTED: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Look at what was done."""

    database: Database
    entries: AuditView

    async def list_entries(
        self,
        tx: Transaction,
        caller: Caller,
        wanted: AuditFilter,
        page: Page,
        *,
        everybody: bool = False,
    ) -> Sequence[AuditEntry]:
        """Return what was done for the operator, newest first; for all, to the provider.

        Where somebody asked from, and whom somebody invited, is for owners to see, and for the
        hosting provider; where webhooks lead to, for those who may change them.
        """
        caller.require(Scope.PROVIDER if everybody else Scope.READ)
        operator = wanted.operator if everybody else caller.operator
        found = await self.entries.list_entries(tx, wanted, page, operator=operator)
        if everybody:
            return found
        return [_for(caller, it) for it in found]

    async def export(
        self, caller: Caller, wanted: AuditFilter, *, everybody: bool = False
    ) -> AsyncIterator[AuditEntry]:
        """Yield the newest entries one after another, a few held at a time."""
        before, count = None, 0
        while count < MOST_EXPORTED:
            async with self.database.transaction() as tx:
                found = await self.list_entries(
                    tx, caller, wanted, Page(AT_ONCE, before), everybody=everybody
                )
            for it in found:
                yield it
            if len(found) < AT_ONCE:
                return
            before, count = found[-1].id, count + len(found)


def _for(caller: Caller, it: AuditEntry) -> AuditEntry:
    """Return an entry without what the caller may not see of it."""
    sees_all = caller.role is Role.OWNER or it.person == caller.person
    match it.action.partition(".")[0]:
        case "invitation":
            sees_details = sees_all
        case "webhook":
            sees_details = caller.allows(Scope.WRITE)
        case _:
            sees_details = True
    address = it.address if sees_all else None
    return replace(it, address=address, details=it.details if sees_details else {})
