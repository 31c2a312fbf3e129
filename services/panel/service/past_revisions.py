"""Past revisions: what was deployed, what is different between them, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors

from ..domain.identity import Scope
from .configurations import owned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shared.database import Transaction

    from ..domain.changes import ApplicationChange
    from ..domain.deployments import PastRevision
    from ..domain.identity import Caller
    from ..ports import DeploymentRegister
    from .configurations import Configurations, Staged
    from .offer import Offer
    from .requests import RunDetails
    from .runs import Runs


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two revisions, or a revision and what is staged."""

    before: PastRevision | None
    after: PastRevision | None
    """None: what is staged."""
    changes: Sequence[ApplicationChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRevisions:
    """Look at revisions, and deploy one of them again."""

    deployments: DeploymentRegister
    offer: Offer
    configurations: Configurations
    runs: Runs

    async def list_revisions(
        self,
        tx: Transaction,
        caller: Caller,
        deployment: str,
        *,
        limit: int,
        before: int | None = None,
    ) -> Sequence[PastRevision]:
        """Return the revisions of a deployment, newest first, those older than a number."""
        caller.require(Scope.READ)
        owned(await self.deployments.find(tx, deployment), caller)
        return await self.deployments.list_history(tx, deployment, limit=limit, before=before)

    async def get(
        self, tx: Transaction, caller: Caller, deployment: str, number: int
    ) -> PastRevision:
        """Return one revision."""
        found = await self.list_revisions(tx, caller, deployment, limit=1, before=number + 1)
        if not found or found[0].revision.number != number:
            raise errors.NotFoundError("revision.not_found", "There is no such revision.")
        return found[0]

    async def compare(
        self,
        tx: Transaction,
        caller: Caller,
        deployment: str,
        number: int,
        since: int | None = None,
    ) -> Comparison:
        """Return what a revision changed.

        Args:
            tx: the transaction.
            caller: who asks.
            deployment: whose revisions.
            number: the later revision.
            since: the earlier one; None: the one before, if there is one.
        """
        after = await self.get(tx, caller, deployment, number)
        if since is None:
            earlier = await self.list_revisions(tx, caller, deployment, limit=1, before=number)
            before = earlier[0] if earlier else None
        else:
            before = await self.get(tx, caller, deployment, since)
        orders = before.revision.applications if before else ()
        return Comparison(before, after, self.offer.changes(orders, after.revision.applications))

    async def compare_staged(self, tx: Transaction, caller: Caller, deployment: str) -> Comparison:
        """Return what deploying would change of what runs."""
        staged = await self.configurations.get(tx, caller, deployment)
        runs = staged.deployed
        before = await self.get(tx, caller, deployment, runs.number) if runs else None
        return Comparison(before, None, staged.changes)

    async def stage(
        self,
        tx: Transaction,
        caller: Caller,
        deployment: str,
        number: int,
        *,
        expected: Collection[int] | None,
    ) -> Staged:
        """Stage a revision as it was, its secrets included.

        Raises:
            ConflictError: it cannot be deployed as it was any more.
            StaleError: what is staged is none of the expected versions; None expects any.
        """
        past = await self.get(tx, caller, deployment, number)
        return await self.configurations.stage_again(
            tx, caller, deployment, past.revision, expected=expected
        )

    async def discard(
        self, tx: Transaction, caller: Caller, deployment: str, *, expected: Collection[int] | None
    ) -> Staged:
        """Stage what runs, so that nothing is different from it any more.

        Raises:
            ConflictError: nothing runs yet, or it cannot be deployed as it is any more.
            StaleError: what is staged is none of the expected versions; None expects any.
        """
        caller.require(Scope.WRITE)
        staged = await self.configurations.get(tx, caller, deployment)
        number = staged.deployment.require_deployed()
        return await self.stage(tx, caller, deployment, number, expected=expected)

    async def deploy(
        self,
        tx: Transaction,
        caller: Caller,
        deployment: str,
        number: int,
        *,
        expected: Collection[int] | None,
    ) -> RunDetails:
        """Stage a revision as it was and ask for a run that brings it; data stays what it is."""
        await self.stage(tx, caller, deployment, number, expected=expected)
        return await self.runs.deploy(tx, caller, deployment)
