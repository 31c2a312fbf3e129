"""Receive messages of a durable consumer, with one lingering pull request.

It pulls again at once after a reconnection, since the server has forgotten the request, and when
heartbeats stop. The library's own `fetch` waits out its whole time-out instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from shared import errors, telemetry

from .connection import LIBRARY_ERRORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from .connection import Connection

EXPIRES_SECONDS: Final = 30.0
HEARTBEAT_SECONDS: Final = 1.0
"""Well below the threshold after which the server forgets a request that was not answered."""
SILENCE_SECONDS: Final = 2.5
PAUSE_SECONDS: Final = 0.25
_ACK_PREFIX: Final = "$JS.ACK."
_HEARTBEAT: Final = "100"
_EXPIRED: Final = "408"


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery of a message, to be acked or given back."""

    stream: str
    sequence: int
    deliveries: int
    """How often it was delivered, this time included."""
    subject: str
    headers: Mapping[str, str]
    payload: bytes
    message: Msg

    async def ack(self) -> None:
        """Have it delivered no more; when the ack is lost, it comes again."""
        with contextlib.suppress(*LIBRARY_ERRORS):
            await self.message.ack()

    async def give_back(self, seconds: float = 0.0) -> None:
        """Have it delivered again after a while."""
        with contextlib.suppress(*LIBRARY_ERRORS):
            await self.message.nak(delay=seconds or None)


class Pull:
    """An async context in which messages of one durable arrive."""

    def __init__(self, connection: Connection, stream: str, *, batch: int) -> None:
        self._connection = connection
        self._subject = f"{connection.api_prefix}.CONSUMER.MSG.NEXT.{stream}.{connection.service}"
        self._batch = batch
        self._waiting: asyncio.Queue[Received] = asyncio.Queue()
        self._outstanding = 0
        self._request = 0
        self._last_seen = time.monotonic()
        self._wake = asyncio.Event()
        self._inbox = connection.client.new_inbox()
        self._subscription: Subscription | None = None
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to receive."""
        self._subscription = await self._connection.client.subscribe(
            f"{self._inbox}.*", cb=self._on_message
        )
        self._connection.wakers.add(self._wake)
        self._watch = asyncio.create_task(self._keep_pulling())
        await self._pull()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, and give back what nobody took."""
        self._connection.wakers.discard(self._wake)
        if self._watch:
            self._watch.cancel()
        if self._subscription:
            with contextlib.suppress(*LIBRARY_ERRORS):
                await self._subscription.unsubscribe()
        while not self._waiting.empty():
            await self._waiting.get_nowait().give_back()

    async def next(self) -> Received:
        """Wait for a message."""
        message = await self._waiting.get()
        if self._outstanding <= 0 and self._waiting.qsize() <= self._batch // 2:
            await self._pull()
        return message

    async def _pull(self) -> None:
        """Ask for a batch; the answers to an earlier request are then those of another inbox."""
        self._request += 1
        self._outstanding = self._batch
        self._last_seen = time.monotonic()
        request = {
            "batch": self._batch,
            "expires": int(EXPIRES_SECONDS * 1e9),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
        }
        with contextlib.suppress(errors.UnavailableError):
            await self._connection.send(
                self._subject, json.dumps(request).encode(), reply=f"{self._inbox}.{self._request}"
            )

    async def _on_message(self, message: Msg) -> None:
        self._last_seen = time.monotonic()
        if message.reply.startswith(_ACK_PREFIX):
            self._outstanding -= 1
            self._waiting.put_nowait(_received(message))
        elif message.subject == f"{self._inbox}.{self._request}":
            await self._on_status(message.headers or {})

    async def _on_status(self, headers: Mapping[str, str]) -> None:
        status = headers.get("Status")
        if status == _HEARTBEAT:
            return
        if status == _EXPIRED:
            await self._pull()
            return
        # No such consumer yet, or one that is being replaced: `_keep_pulling` asks again soon.
        telemetry.log.info("pull_ended", status=status, reason=headers.get("Description", ""))
        self._last_seen = time.monotonic() - SILENCE_SECONDS + PAUSE_SECONDS

    async def _keep_pulling(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                # Not wait_for: before Python 3.12 it may swallow a cancellation.
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._wake.wait()
            silence = time.monotonic() - self._last_seen
            silent = self._outstanding > 0 and silence > SILENCE_SECONDS
            if self._connection.is_connected and (self._wake.is_set() or silent):
                self._wake.clear()
                await self._pull()


def _received(message: Msg) -> Received:
    known = message.metadata
    return Received(
        stream=known.stream,
        sequence=known.sequence.stream,
        deliveries=known.num_delivered,
        subject=message.subject,
        headers=message.headers or {},
        payload=message.data,
        message=message,
    )
