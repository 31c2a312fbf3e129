"""What the hosting provider's affairs need of panel's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.provisioner import VMReady
    from shared.database import Transaction

    from ..domain.provider import Housed, Notice, OperatorStanding, Quota, TroubledRun, Usage
    from ..domain.records import Page


class QuotaRegister(Protocol):
    """Keep how much operators may have, and count what they have."""

    async def lock(self, tx: Transaction, operator: str) -> Quota:
        """Return an operator's quota; nobody else counts for it until the transaction ends."""
        ...

    async def usage(self, tx: Transaction, operator: str, *, besides: str | None = None) -> Usage:
        """Count what an operator has, besides one deployment if that is named."""
        ...

    async def save(self, tx: Transaction, operator: str, quota: Quota, *, by: str) -> None:
        """Replace an operator's quota."""
        ...

    async def find_operator(self, tx: Transaction, operator: str) -> OperatorStanding | None:
        """Return an operator with what it may have and has, or None."""
        ...

    async def list_operators(self, tx: Transaction, page: Page) -> Sequence[OperatorStanding]:
        """Return operators, newest first."""
        ...


class TroubleRegister(Protocol):
    """Find runs that are worth a look."""

    async def list_troubled(
        self, tx: Transaction, page: Page, *, begun_before: datetime, failed_since: datetime
    ) -> Sequence[TroubledRun]:
        """Return runs that are held, that began before one time, or that failed since another."""
        ...


class MachineRegister(Protocol):
    """Keep which machines deployments have, as provisioner tells."""

    async def keep(self, tx: Transaction, event: VMReady) -> None:
        """Keep the machines of a deployment, unless a later run told of them."""
        ...

    async def forget(self, tx: Transaction, deployment: str) -> None:
        """Keep no machine of a deployment any more."""
        ...

    async def list_housed(self, tx: Transaction, page: Page) -> Sequence[Housed]:
        """Return deployments with their machines, newest first."""
        ...


class NoticeRegister(Protocol):
    """Keep what the provider tells everybody: a notice, and what cannot be chosen."""

    async def find_notice(self, tx: Transaction) -> Notice | None:
        """Return what every page says, or None."""
        ...

    async def set_notice(self, tx: Transaction, message: str, *, by: str) -> None:
        """Let every page say this."""
        ...

    async def withdraw_notice(self, tx: Transaction) -> None:
        """Let pages say nothing."""
        ...

    async def withheld(self, tx: Transaction) -> Mapping[str, str]:
        """Return the applications that cannot be chosen anew, and why."""
        ...

    async def withhold(self, tx: Transaction, application: str, reason: str, *, by: str) -> None:
        """Let nobody choose an application anew."""
        ...

    async def offer_again(self, tx: Transaction, application: str) -> None:
        """Let everybody choose an application."""
        ...
