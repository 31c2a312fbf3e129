"""What deployer remembers, in memory; transactions mean nothing to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.domain import FIRST_EPOCH, Generation, Revision
from services.deployer.ports import Revisions
from shared import errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import RevisionEvent
    from shared.contracts.panel import DeploymentRequested
    from shared.database import Transaction


@dataclass(kw_only=True)
class FakeRevisions(Revisions):
    """Holds one complete revision and what machines were left with."""

    known: Revision | None = None
    kept: list[Generation] = field(default_factory=list)
    boots: dict[str, str] = field(default_factory=dict)

    @override
    async def want(self, tx: Transaction, event: DeploymentRequested) -> None:
        raise NotImplementedError

    @override
    async def learn(self, tx: Transaction, fact: RevisionEvent) -> bool:
        raise NotImplementedError

    @override
    async def part(self, tx: Transaction, deployment: str, run: str) -> None:
        raise NotImplementedError

    @override
    async def revision(self, deployment: str, number: int, run: str) -> Revision:
        if self.known is None:
            raise errors.NotFoundError("revision.incomplete", f"nothing is known of {deployment}")
        return self.known

    @override
    async def machines(self, deployment: str) -> Sequence[GrantedMachine]:
        return self.known.machines if self.known else ()

    @override
    async def generations(self, deployment: str) -> Sequence[Generation]:
        return list(self.kept)

    @override
    async def keep(
        self, tx: Transaction, deployment: str, generations: Sequence[Generation]
    ) -> None:
        self.kept = list(generations)

    @override
    async def booted(self, deployment: str, machine: str, boot_id: str) -> None:
        self.boots[machine] = boot_id

    @override
    async def epoch(self, deployment: str, domain: str, hosts: Sequence[str]) -> int:
        return FIRST_EPOCH

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        self.known, self.kept = None, []
