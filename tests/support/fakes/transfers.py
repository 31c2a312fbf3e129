"""What deployer remembers while it carries state, in memory; transactions mean nothing to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.ports import Transfers

if TYPE_CHECKING:
    from services.deployer.domain import Import
    from shared.database import Transaction


@dataclass(kw_only=True)
class FakeTransfers(Transfers):
    """Keeps passwords by export, and one import by deployment."""

    passwords: dict[tuple[str, str], str] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)

    @override
    async def password(self, deployment: str, export: str, sealed: str) -> str:
        return self.passwords.setdefault((deployment, export), sealed)

    @override
    async def exported(self, tx: Transaction, deployment: str) -> None:
        self.passwords = {it: of for it, of in self.passwords.items() if it[0] != deployment}

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        await self.exported(tx, deployment)
        await self.settle(deployment, tx)

    @override
    async def begin(self, deployment: str, begun: Import) -> None:
        self.imports.setdefault(deployment, begun)

    @override
    async def unsettled(self, deployment: str, tx: Transaction | None = None) -> Import | None:
        return self.imports.get(deployment)

    @override
    async def accept(self, deployment: str) -> None:
        if deployment in self.imports:
            self.imports[deployment] = replace(self.imports[deployment], is_accepted=True)

    @override
    async def settle(self, deployment: str, tx: Transaction | None = None) -> None:
        self.imports.pop(deployment, None)
