"""One service's connection to the bus: it waits for the server, and reconnects without end.

Whatever the client library raises is an `UnavailableError` above this file. A connection that is
closed for good ends the process: `until_broken` raises, and a supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

import nats.errors
from nats.aio.client import Client

from shared import errors, telemetry

from . import streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic import SecretStr

    from shared.settings import NatsSettings

RECONNECT_SECONDS: Final = 0.05
PING_SECONDS: Final = 10
ANSWER_SECONDS: Final = 2.0
FAREWELL_SECONDS: Final = 1.0
LIBRARY_ERRORS: Final = (nats.errors.Error, OSError, TimeoutError)


class Connection:
    """A connection under the name of one service."""

    def __init__(self, service: str, api_prefix: str) -> None:
        self.service = service
        self.api_prefix = api_prefix
        self.client = Client()
        self.errors_seen = 0
        """How many errors the server or the network reported."""
        self.wakers: set[asyncio.Event] = set()
        """Set after each reconnection: what was asked of the server before is forgotten there."""
        self._waits: set[asyncio.Timeout] = set()
        self._broken = asyncio.Event()
        self._closing = False
        self._told: str | None = None

    async def open(self, url: str, seed: SecretStr) -> None:
        """Connect, waiting for a server that is not there yet."""
        await self.client.connect(
            url,
            name=self.service,
            nkeys_seed_str=seed.get_secret_value(),
            inbox_prefix=f"_INBOX.{self.service}",
            max_reconnect_attempts=-1,
            # The library hands this on to asyncio.sleep, its annotation notwithstanding.
            reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]
            ping_interval=PING_SECONDS,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )

    async def close(self) -> None:
        """Send what is still in the buffer, within bounds, and close."""
        self._closing = True
        with contextlib.suppress(*LIBRARY_ERRORS):
            # Its PING overtakes what waits in the buffer: only the second flush comes after that.
            await self.client.flush(FAREWELL_SECONDS)  # type: ignore[arg-type]
            await self.client.flush(FAREWELL_SECONDS)  # type: ignore[arg-type]
        with contextlib.suppress(*LIBRARY_ERRORS):
            await self.client.close()

    @property
    def is_connected(self) -> bool:
        """Whether the server is there right now."""
        return self.client.is_connected

    async def until_broken(self) -> None:
        """Wait for the end that nobody asked for.

        Raises:
            FaultError: the connection is closed for good.
        """
        await self._broken.wait()
        raise errors.FaultError(
            "bus.closed", f"the connection to the bus is closed for good: {self.client.last_error}"
        )

    async def check(self) -> None:
        """Raise UnavailableError unless the service's durables exist."""
        for it in streams.consumers():
            if it.name == self.service:
                await self._check_durable(f"{it.stream}.{it.name}")

    async def _check_durable(self, place: str) -> None:
        subject = f"{self.api_prefix}.CONSUMER.INFO.{place}"
        answer = await self.ask(subject, b"", {}, seconds=ANSWER_SECONDS)
        if "error" in answer:
            raise errors.UnavailableError(
                "bus.no_consumer",
                f"consumer {place} does not exist; run python -m shared.bus apply",
            )

    async def ask(
        self, subject: str, payload: bytes, headers: Mapping[str, str], *, seconds: float
    ) -> dict[str, Any]:
        """Send a request and return the JSON answer.

        Raises:
            UnavailableError: there was no answer.
        """
        if not self.is_connected:
            # The library would buffer it and send it after we have called it lost.
            raise errors.UnavailableError("bus.unavailable", "the bus is away")
        try:
            async with asyncio.timeout(seconds) as patience:
                self._waits.add(patience)
                try:
                    message = await self.client.request(
                        subject, payload, timeout=2 * seconds, headers=dict(headers) or None
                    )
                finally:
                    self._waits.discard(patience)
        except LIBRARY_ERRORS as error:
            raise errors.UnavailableError(
                "bus.unavailable", f"the bus did not answer to {subject}: {error!r}"
            ) from error
        answer: dict[str, Any] = json.loads(message.data)
        return answer

    async def send(self, subject: str, payload: bytes, *, reply: str = "") -> None:
        """Send a message without waiting for anything.

        Raises:
            UnavailableError: it could not even be buffered.
        """
        try:
            await self.client.publish(subject, payload, reply=reply)
        except LIBRARY_ERRORS as error:
            raise errors.UnavailableError(
                "bus.unavailable", f"the bus did not take {subject}: {error!r}"
            ) from error

    async def _on_error(self, error: Exception) -> None:
        self.errors_seen += 1
        text = str(error) or repr(error)
        # While the server is away, every attempt to reconnect reports the same.
        if self.is_connected or text != self._told:
            telemetry.log.warning("bus_error", reason=text, seen=self.errors_seen)
        self._told = text

    async def _on_disconnected(self) -> None:
        """End every wait: a server that is gone answers nothing that was asked before."""
        for patience in self._waits:
            patience.reschedule(asyncio.get_running_loop().time())

    async def _on_reconnected(self) -> None:
        self._told = None
        telemetry.log.info("bus_reconnected")
        for waker in self.wakers:
            waker.set()

    async def _on_closed(self) -> None:
        if not self._closing:
            self._broken.set()


@contextlib.asynccontextmanager
async def connect(
    settings: NatsSettings, seed: SecretStr, service: str
) -> AsyncIterator[Connection]:
    """Connect under a service's name, waiting for the server, and close in the end."""
    connection = Connection(service, settings.api_prefix)
    try:
        await connection.open(settings.url, seed)
        yield connection
    finally:
        await connection.close()
