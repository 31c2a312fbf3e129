"""Secrets that are easy to tell apart, and made at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr
from typing_extensions import override

from services.deployer.ports import SecretMaker

if TYPE_CHECKING:
    from shared.catalogue import SecretKind


@dataclass(kw_only=True)
class FakeSecretMaker(SecretMaker):
    """Counts what it makes, and lets others work meanwhile."""

    made: list[str] = field(default_factory=list)

    @override
    async def make(self, kind: SecretKind) -> SecretStr:
        self.made.append(kind)
        value = f"{kind}-{len(self.made)}"
        await asyncio.sleep(0)
        return SecretStr(value)
