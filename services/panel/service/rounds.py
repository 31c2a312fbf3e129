"""Rounds: the same little work again and again, as long as a process runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Never

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def go_round(work: Callable[[], Awaitable[int]], *, most: int, pause_seconds: float) -> Never:
    """Do some of a work until cancelled, and pause when there was less of it than fits.

    Args:
        work: does at most so much at once, and returns how much there was.
        most: how much that is.
        pause_seconds: also how long to wait for a database that does not answer.
    """
    while True:
        try:
            found = await work()
        except errors.UnavailableError:
            found = 0
        if found < most:
            await asyncio.sleep(pause_seconds)
