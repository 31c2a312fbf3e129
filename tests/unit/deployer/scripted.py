"""A connection to a machine that says what a test wants."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.adapters.connection import Connection
from services.deployer.domain import StateVerb
from shared import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.deployer.adapters.ssh import SshHost
    from services.deployer.domain import Carried, Headway

NAME = "fdv-01k0000000000000000000000a-1"
BOOT = "5f0c1d9e-0000-4000-8000-000000000000"
DOCUMENT = '{"staging": {"secret_key": "the-key"}}'


@dataclass(slots=True, kw_only=True)
class ScriptedConnection(Connection):
    """Leads to a machine that says what a test wants."""

    says: list[object] = field(default_factory=list)
    status: int = 0
    complaint: str = ""
    failures: list[errors.CommandError] = field(default_factory=list)
    """What the first commands fail with."""
    asked: list[tuple[str, bytes]] = field(default_factory=list)

    @override
    async def tell(
        self,
        command: str,
        told: Callable[[bytes], Awaitable[None]],
        *,
        stdin: bytes,
        seconds: float,
    ) -> tuple[int, str]:
        self.asked.append((command, stdin))
        for it in self.says:
            await told(it if isinstance(it, bytes) else json.dumps(it).encode() + b"\n")
        return self.status, self.complaint

    @override
    async def do(self, command: str, *, stdin: bytes = b"", seconds: float = 0.0) -> str:
        self.asked.append((command, stdin))
        if self.failures:
            raise self.failures.pop(0)
        if self.status:
            raise errors.CommandError(("ssh",), self.status, self.complaint)
        return str(self.says[0]) if self.says else ""


async def carried(host: SshHost) -> tuple[Carried, list[Headway]]:
    """Let a machine export; return the result and all that it told meanwhile."""
    heard: list[Headway] = []

    async def hear(headway: Headway) -> None:
        heard.append(headway)

    found = await host.carry(BOOT, StateVerb.EXPORT, "garden", DOCUMENT, hear)
    return found, heard
