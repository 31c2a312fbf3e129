"""What panel needs to know of runs that are over, and of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.database import Transaction

    from ..domain.records import Page
    from ..domain.runs import Run, RunKind


class RunHistory(Protocol):
    """Look back at runs."""

    async def list_of_operator(self, tx: Transaction, operator: str, page: Page) -> Sequence[Run]:
        """Return an operator's runs, newest first."""
        ...

    async def domains(self, tx: Transaction, deployments: Sequence[str]) -> Mapping[str, str]:
        """Return the domain of each deployment."""
        ...

    async def people(self, tx: Transaction, people: Sequence[str]) -> Mapping[str, str]:
        """Return the name of each person."""
        ...

    async def usual_seconds(
        self, tx: Transaction, kind: RunKind
    ) -> Mapping[tuple[str, str], float]:
        """Return how long the steps of a kind usually take, by service and name.

        That is the median of the newest runs that succeeded; a step that few of them took is
        left out.
        """
        ...
