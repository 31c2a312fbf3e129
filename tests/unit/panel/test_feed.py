"""Streams that have nothing to tell say so from time to time, and wake when there is news."""

import asyncio

from services.panel.service.feed import again_later, quiet


async def test_a_quiet_stream_pings_until_it_is_woken() -> None:
    wake, pings = asyncio.Event(), 0

    async for _ in quiet(wake, seconds=0.01):
        pings += 1
        if pings == 3:
            wake.set()

    assert pings == 3


async def test_news_from_before_the_wait_is_not_waited_for() -> None:
    wake = asyncio.Event()
    wake.set()

    assert [it async for it in quiet(wake)] == []


async def test_who_could_not_read_is_woken_without_further_news() -> None:
    wake = asyncio.Event()

    again_later(wake, seconds=0.01)

    async with asyncio.timeout(5):
        await wake.wait()
