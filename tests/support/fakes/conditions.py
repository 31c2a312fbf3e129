"""How applications are, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.ports import Conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.deployer.domain import Finding
    from shared.database import Transaction


@dataclass(kw_only=True)
class FakeConditions(Conditions):
    """Keeps what a database would."""

    paused: set[str] = field(default_factory=set)
    noted: dict[str, list[Finding]] = field(default_factory=dict)

    @override
    async def pause(self, tx: Transaction, deployment: str) -> None:
        self.paused.add(deployment)

    @override
    async def resume(self, tx: Transaction, deployment: str) -> None:
        self.paused.discard(deployment)

    @override
    async def is_paused(self, tx: Transaction, deployment: str) -> bool:
        return deployment in self.paused

    @override
    async def findings(self, tx: Transaction, deployment: str) -> Sequence[Finding]:
        return sorted(self.noted.get(deployment, ()), key=lambda it: it.key)

    @override
    async def note(self, tx: Transaction, deployment: str, findings: Sequence[Finding]) -> None:
        self.noted[deployment] = list(findings)

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        self.paused.discard(deployment)
        self.noted.pop(deployment, None)
