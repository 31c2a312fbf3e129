"""The outside check against applications that answer in unpleasant ways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.panel.adapters.outside import HttpOutsideView
from shared import errors
from tests.support.listener import listening
from tests.support.panel import an_application

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def dripping(beginning: bytes, drop: bytes) -> Respond:
    """Answer with a beginning, and then a drop now and then for ever."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(beginning)
        while not writer.is_closing():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.05)

    return respond


async def test_the_status_is_enough_however_long_the_body_takes() -> None:
    view = HttpOutsideView(timeout_seconds=60)

    async with listening(dripping(b"HTTP/1.1 200 It\r\n\r\n", b"x")) as address:
        await asyncio.wait_for(view.look(f"http://{address}"), 30)


async def test_an_answer_that_never_comes_whole_is_none() -> None:
    view = HttpOutsideView(timeout_seconds=0.3)

    async with listening(dripping(b"HTTP/1.1 200 It\r\n", b"X-More: x\r\n")) as address:
        with pytest.raises(errors.UnavailableError, match=r"does not answer within 0\.3 s"):
            await asyncio.wait_for(view.look(f"http://{address}"), 30)


async def test_a_status_that_is_no_success_is_named() -> None:
    async with an_application(503) as url:
        with pytest.raises(errors.UnavailableError, match="answers with status 503"):
            await HttpOutsideView().look(url)
