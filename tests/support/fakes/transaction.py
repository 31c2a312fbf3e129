"""The transaction of what remembers in memory: none."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.database import Transaction


@asynccontextmanager
async def no_transaction() -> AsyncIterator[Transaction]:
    """Yield what a memory never looks at."""
    yield cast("Transaction", None)
