"""Allowances: how much an operator may have, checked where something is added.

What an operator has already may be changed and taken away whatever the quota is; only more of it
is refused. Callers that check hold the operator's quota until their transaction ends, so that two
requests cannot both take what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain.provider import storage_gib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import Resource
    from shared.database import Transaction

    from ..domain.deployments import Deployment
    from ..ports.provider import QuotaRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """Refuse what is more than an operator may have."""

    quotas: QuotaRegister

    async def require_deployment(self, tx: Transaction, operator: str) -> None:
        """Raise QuotaExceededError unless the operator may have another deployment."""
        quota = await self.quotas.lock(tx, operator)
        quota.require_deployment(await self.quotas.usage(tx, operator))

    async def require_applications(
        self, tx: Transaction, deployment: Deployment, *, before: int, wanted: int
    ) -> None:
        """Raise QuotaExceededError unless a deployment may have so many applications."""
        quota = await self.quotas.lock(tx, deployment.operator)
        others = await self.quotas.usage(tx, deployment.operator, besides=deployment.id)
        quota.require_applications(others, before=before, wanted=wanted)

    async def require_storage(
        self,
        tx: Transaction,
        deployment: Deployment,
        wanted: Sequence[Resource],
        before: Sequence[Resource],
    ) -> None:
        """Raise QuotaExceededError unless a deployment may ask for so much storage."""
        quota = await self.quotas.lock(tx, deployment.operator)
        others = await self.quotas.usage(tx, deployment.operator, besides=deployment.id)
        quota.require_storage(others, before=storage_gib(before), wanted=storage_gib(wanted))

    async def require_backup(
        self, tx: Transaction, operator: str, *, is_automatic: bool = False
    ) -> None:
        """Raise QuotaExceededError unless the operator may have another backup.

        Args:
            tx: the transaction in which it is asked for.
            operator: whose it would be.
            is_automatic: whether a restore keeps what it is about to replace.
        """
        quota = await self.quotas.lock(tx, operator)
        quota.require_backup(await self.quotas.usage(tx, operator), is_automatic=is_automatic)
