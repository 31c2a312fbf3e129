"""Threads that everybody shares, kept busy: whoever needs them waits."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def no_thread_free(seconds: float = 10) -> AsyncIterator[None]:
    """Keep every thread that the loop has for everybody for the length of a block."""
    loop, done = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    held = loop.run_in_executor(None, done.wait)
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        done.set()
        await held
