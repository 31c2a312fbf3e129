"""History as operators see it: all their runs, who asked for them, and what to expect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from ..domain.history import ListedRun
from ..domain.identity import Scope
from ..domain.runs import Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.database import Transaction

    from ..domain.identity import Caller
    from ..domain.records import Page
    from ..domain.runs import Run, RunKind
    from ..ports import RunRegister
    from ..ports.history import RunHistory
    from .runs import Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Look back."""

    history: RunHistory
    registered: RunRegister
    runs: Runs

    async def list_runs(
        self, tx: Transaction, caller: Caller, page: Page, *, deployment: str | None = None
    ) -> Sequence[ListedRun]:
        """Return the operator's runs, of one deployment or all, newest first."""
        caller.require(Scope.READ)
        found = (
            await self.runs.list_runs(tx, caller, deployment, page)
            if deployment
            else await self.history.list_of_operator(tx, caller.operator, page)
        )
        return await self.listed(tx, found)

    async def listed(self, tx: Transaction, runs: Sequence[Run]) -> Sequence[ListedRun]:
        """Return runs that the caller may see with the names that belong to them."""
        domains = await self.history.domains(tx, list({it.deployment for it in runs}))
        people = await self.history.people(tx, list({it.requested_by for it in runs}))
        return [ListedRun(it, domains[it.deployment], people[it.requested_by]) for it in runs]

    async def name_of(self, tx: Transaction, person: str) -> str:
        """Return the name of somebody whom the caller has to do with; empty if there is none."""
        return (await self.history.people(tx, [person])).get(person, "")

    async def receipt(self, tx: Transaction, caller: Caller, deployment: str) -> Receipt | None:
        """Return what the removal of a deployment took away and kept, or None before there is one.

        Raises:
            NotFoundError: the deployment is not the caller's.
        """
        await self.runs.overview(tx, caller, deployment)
        receipts = await self.registered.list_receipts(tx, deployment)
        return reduce(Receipt.plus, receipts) if receipts else None

    async def usual_seconds(
        self, tx: Transaction, kind: RunKind
    ) -> Mapping[tuple[str, str], float]:
        """Return how long the steps of a kind usually take, where enough is known."""
        return await self.history.usual_seconds(tx, kind)
