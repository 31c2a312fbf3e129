"""An edge in memory, which keeps to the same contract as the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.provisioner.ports import Edge
from shared import errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.provisioner.domain import Route


@dataclass(slots=True)
class FakeEdge(Edge):
    """A list of routes, and how often it was written."""

    listed: list[Route] = field(default_factory=list)
    writes: int = 0
    is_away: bool = False

    @override
    async def routes(self) -> Sequence[Route]:
        self._check()
        return list(self.listed)

    @override
    async def route(self, wanted: Sequence[Route]) -> None:
        self._check()
        if list(wanted) != self.listed:
            self.writes += 1
            self.listed = list(wanted)

    def _check(self) -> None:
        if self.is_away:
            raise errors.UnavailableError("route.unavailable")
