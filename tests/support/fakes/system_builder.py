"""A builder in memory: a system is named after its arguments."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from typing_extensions import override

from services.deployer.domain import System
from services.deployer.ports import SystemBuilder
from shared import errors


@dataclass(kw_only=True)
class FakeSystemBuilder(SystemBuilder):
    """Remembers what was built under which name."""

    kept: dict[str, System] = field(default_factory=dict)

    @override
    async def build(self, name: str, arguments: str) -> System:
        try:
            wanted = json.loads(arguments)
            label = f"{wanted['name']}-{len(wanted['applications'])}"
        except (ValueError, KeyError) as error:
            raise errors.CommandError(("nix-build",), 1, f"error: {error}") from error
        digest = hashlib.sha256(arguments.encode()).hexdigest()[:32]
        self.kept[name] = System(f"/nix/store/{digest}-fediversity-system-{label}")
        return self.kept[name]

    @override
    async def discard(self, name: str) -> None:
        self.kept.pop(name, None)
