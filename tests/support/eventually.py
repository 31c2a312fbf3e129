"""Wait for something to become true, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.02


async def eventually(
    condition: Callable[[], object] | Callable[[], Awaitable[object]],
    *,
    within: float,
    poll: float = POLL_SECONDS,
) -> None:
    """Return when the condition holds; fail when it does not within so many seconds."""
    deadline = time.monotonic() + within
    while not await _value(condition):
        assert time.monotonic() < deadline, f"not within {within} s: {condition}"
        await asyncio.sleep(poll)


async def _value(condition: Callable[[], object] | Callable[[], Awaitable[object]]) -> object:
    value = condition()
    return await value if inspect.isawaitable(value) else value
