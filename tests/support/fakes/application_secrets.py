"""What applications keep secret, in memory; transactions mean nothing to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.ports import ApplicationSecrets

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from services.deployer.domain import ApplicationSecret
    from shared.database import Transaction


@dataclass(kw_only=True)
class FakeApplicationSecrets(ApplicationSecrets):
    """Keeps secrets by deployment, application and name."""

    kept: dict[tuple[str, str, str], ApplicationSecret] = field(default_factory=dict)
    announced: set[tuple[str, str, str]] = field(default_factory=set)
    earlier: dict[
        str, tuple[dict[tuple[str, str, str], ApplicationSecret], set[tuple[str, str, str]]]
    ] = field(default_factory=dict)
    """Deployment → what was kept, and announced, before an exchange."""

    @override
    async def of(self, deployment: str) -> Sequence[ApplicationSecret]:
        return [it for key, it in sorted(self.kept.items()) if key[0] == deployment]

    @override
    async def keep(
        self, deployment: str, made: Sequence[ApplicationSecret]
    ) -> Sequence[ApplicationSecret]:
        for it in made:
            self.kept.setdefault((deployment, it.application, it.name), it)
        return await self.of(deployment)

    @override
    async def exchange(self, deployment: str, given: Sequence[ApplicationSecret]) -> None:
        own = {key: it for key, it in self.kept.items() if key[0] == deployment}
        self.earlier.setdefault(deployment, (own, self.announced & own.keys()))
        for it in given:
            key = (deployment, it.application, it.name)
            if key not in self.kept or self.kept[key].fingerprint != it.fingerprint:
                self.kept[key] = it
                self.announced.discard(key)

    @override
    async def put_back(self, deployment: str) -> None:
        if deployment in self.earlier:
            kept, announced = self.earlier.pop(deployment)
            self._forget(deployment)
            self.kept |= kept
            self.announced |= announced

    @override
    async def settle(self, tx: Transaction, deployment: str) -> None:
        self.earlier.pop(deployment, None)

    @override
    async def announce(
        self, tx: Transaction, deployment: str, names: Collection[tuple[str, str]]
    ) -> Sequence[ApplicationSecret]:
        keys = {(deployment, *name) for name in names} & set(self.kept)
        news = sorted(keys - self.announced)
        self.announced.update(news)
        return [self.kept[key] for key in news]

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        self.earlier.pop(deployment, None)
        self._forget(deployment)

    def _forget(self, deployment: str) -> None:
        self.kept = {key: it for key, it in self.kept.items() if key[0] != deployment}
        self.announced = {key for key in self.announced if key[0] != deployment}
