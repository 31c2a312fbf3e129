"""Streams that have nothing to tell say so from time to time, and wake when there is news."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from services.panel.api.streams import follow
from services.panel.domain.refusals import TooManyAtOnceError
from services.panel.service.feed import MOST_STREAMS, Feed, again_later, quiet
from shared import errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.panel.ports import RunRegister
    from services.panel.service.panel import Panel
    from shared.database import Database


class AwayDatabase:
    """A database that cannot be reached."""

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        raise errors.UnavailableError("database.away", "It is away.")
        yield


def a_feed() -> Feed:
    return Feed(cast("Database", AwayDatabase()), cast("RunRegister", None))


@dataclass(frozen=True)
class QuietPanel:
    """A panel in which nothing happens."""

    database: AwayDatabase = field(default_factory=AwayDatabase)
    feed: Feed = field(default_factory=a_feed)


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


async def test_a_stream_ends_after_a_while_although_nothing_happens() -> None:
    panel = cast("Panel", QuietPanel())

    async with asyncio.timeout(5):
        told = [it async for it in follow(panel, "run", 0, longest_seconds=0.05)]

    assert told == [b"retry: 1000\n\n", b": ping\n\n"]


def test_somebody_has_only_so_many_streams_and_others_have_theirs() -> None:
    feed = a_feed()
    with contextlib.ExitStack() as seats:
        for _ in range(MOST_STREAMS):
            seats.enter_context(feed.seat("one"))
        with pytest.raises(TooManyAtOnceError), feed.seat("one"):
            pass
        seats.enter_context(feed.seat("another"))

    with feed.seat("one"):
        pass
