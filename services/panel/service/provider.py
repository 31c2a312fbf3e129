"""The hosting provider's affairs: operators, machines, runs in trouble, what everybody is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors

from ..domain.identity import Scope
from ..domain.provider import LATELY, LONG
from ..domain.records import Deed
from ..domain.refusals import StaleError
from ..domain.sentences import N_

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.provider import Housed, Notice, OperatorStanding, Quota, TroubledRun
    from ..domain.records import Page
    from ..ports import AuditTrail
    from ..ports.provider import MachineRegister, NoticeRegister, QuotaRegister, TroubleRegister
    from .notice_board import NoticeBoard
    from .offer import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAffairs:
    """What only the hosting provider sees and decides."""

    quotas: QuotaRegister
    troubles: TroubleRegister
    machines: MachineRegister
    notices: NoticeRegister
    board: NoticeBoard
    offer: Offer
    audit: AuditTrail
    clock: Clock

    async def list_operators(
        self, tx: Transaction, caller: Caller, page: Page
    ) -> Sequence[OperatorStanding]:
        """Return operators with what they may have and have, newest first."""
        caller.require(Scope.PROVIDER)
        return await self.quotas.list_operators(tx, page)

    async def get_operator(
        self, tx: Transaction, caller: Caller, operator: str
    ) -> OperatorStanding:
        """Return one operator."""
        caller.require(Scope.PROVIDER)
        found = await self.quotas.find_operator(tx, operator)
        if found is None:
            raise errors.NotFoundError("operator.not_found", "There is no such operator.")
        return found

    async def set_quota(
        self,
        tx: Transaction,
        caller: Caller,
        operator: str,
        quota: Quota,
        *,
        expected: Collection[int] | None,
    ) -> OperatorStanding:
        """Replace how much an operator may have; what it has already it keeps.

        Raises:
            StaleError: the quota is none of the expected versions; None expects any.
        """
        await self.get_operator(tx, caller, operator)
        known = await self.quotas.lock(tx, operator)
        if expected is not None and known.version not in expected:
            raise StaleError(
                "quota.stale",
                "The quota was changed since you looked at it. Nothing was changed. Look at it "
                "again, and decide anew.",
                current=known.version,
            )
        new = replace(quota, version=known.version + 1)
        await self.quotas.save(tx, operator, new, by=caller.person)
        details = {
            "deployments": _shown(quota.deployments),
            "applications": _shown(quota.applications),
            "storage_gib": _shown(quota.storage_gib),
            "backups": _shown(quota.backups),
        }
        await self.audit.record(tx, caller, Deed("quota.set", operator, details))
        return await self.get_operator(tx, caller, operator)

    async def list_troubled(
        self, tx: Transaction, caller: Caller, page: Page
    ) -> Sequence[TroubledRun]:
        """Return runs that are held, that go on for long, or that failed lately."""
        caller.require(Scope.PROVIDER)
        now = self.clock.now()
        return await self.troubles.list_troubled(
            tx, page, begun_before=now - LONG, failed_since=now - LATELY
        )

    async def list_housed(self, tx: Transaction, caller: Caller, page: Page) -> Sequence[Housed]:
        """Return deployments and their machines, as far as provisioner told of them."""
        caller.require(Scope.PROVIDER)
        return await self.machines.list_housed(tx, page)

    async def find_notice(self, tx: Transaction) -> Notice | None:
        """Return what every page says at its top, or None; anybody may know."""
        return await self.notices.find_notice(tx)

    async def set_notice(self, tx: Transaction, caller: Caller, message: str) -> Notice:
        """Let every page say something at its top."""
        caller.require(Scope.PROVIDER)
        text = message.strip()
        if not text:
            what = N_("Say something, or withdraw the notice.")
            raise errors.InvalidError("notice.empty", what, details={"message": what})
        await self.notices.set_notice(tx, text, by=caller.person)
        await self.audit.record(tx, caller, Deed("notice.set", "notice", {"message": text}))
        tx.after_commit(self.board.nudge)
        found = await self.notices.find_notice(tx)
        if found is None:
            raise errors.FaultError("notice.gone", "the notice that was set is not there")
        return found

    async def withdraw_notice(self, tx: Transaction, caller: Caller) -> None:
        """Let pages say nothing at their top."""
        caller.require(Scope.PROVIDER)
        await self.notices.withdraw_notice(tx)
        await self.audit.record(tx, caller, Deed("notice.withdrawn", "notice"))
        tx.after_commit(self.board.nudge)

    async def withheld(self, tx: Transaction) -> Mapping[str, str]:
        """Return the applications that cannot be chosen anew, and why; anybody may know."""
        return await self.notices.withheld(tx)

    async def withhold(
        self, tx: Transaction, caller: Caller, application: str, reason: str
    ) -> None:
        """Let nobody choose an application anew; where it is deployed it goes on."""
        caller.require(Scope.PROVIDER)
        self._require_known(application)
        text = reason.strip()
        if not text:
            what = N_("Say why, for operators who look for it.")
            raise errors.InvalidError("application.no_reason", what, details={"reason": what})
        await self.notices.withhold(tx, application, text, by=caller.person)
        deed = Deed("application.withheld", application, {"reason": text})
        await self.audit.record(tx, caller, deed)

    async def offer_again(self, tx: Transaction, caller: Caller, application: str) -> None:
        """Let everybody choose an application."""
        caller.require(Scope.PROVIDER)
        self._require_known(application)
        await self.notices.offer_again(tx, application)
        await self.audit.record(tx, caller, Deed("application.offered", application))

    def _require_known(self, application: str) -> None:
        if self.offer.find(application) is None:
            raise errors.NotFoundError(
                "application.not_found", "There is no such application here."
            )


def _shown(limit: int | None) -> str:
    return "unlimited" if limit is None else str(limit)
