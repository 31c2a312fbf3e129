"""The notice board: what every page says at its top, known without asking for each of them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from shared.database import Database

    from ..ports.provider import NoticeRegister

PAUSE_SECONDS: Final = 2.0
"""For as long another process may show what was said before."""


@dataclass(slots=True, kw_only=True)
class NoticeBoard:
    """Remembers what the hosting provider tells everybody."""

    database: Database
    notices: NoticeRegister
    message: str = ""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def read(self) -> str:
        """Return what every page says now; empty for nothing."""
        return self.message

    def nudge(self) -> None:
        """Look again now."""
        self._changed.set()

    async def run(self) -> None:
        """Follow the notice, until cancelled; while the database is away the last one stays."""
        while True:
            self._changed.clear()
            with contextlib.suppress(errors.UnavailableError):
                async with self.database.transaction() as tx:
                    found = await self.notices.find_notice(tx)
                self.message = found.message if found else ""
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._changed.wait()
