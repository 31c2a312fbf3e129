"""Applications that are as healthy as a test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.ports import HealthProbe

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.contracts.deployments import Endpoint


@dataclass(kw_only=True)
class FakeHealthProbe(HealthProbe):
    """Answers with an ailment, or with none."""

    ailments: dict[str, str] = field(default_factory=dict)
    """Host → what is wrong."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    @override
    async def ask(self, at: Endpoint, host: str, path: str) -> str:
        self.asked.append((str(at), host, path))
        self.before_answer()
        return self.ailments.get(host, "")
