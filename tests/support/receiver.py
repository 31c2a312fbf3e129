"""Somebody's program that takes webhooks: over the wire, with the answers that a test wants."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.eventually import eventually
from tests.support.listener import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

SOON = 15.0


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Takes every request, and answers as it is told."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pause_between_bytes: float = 0.0
    hold: asyncio.Event | None = None
    """While it is there and not set, answers wait for it."""
    received: list[Received] = field(default_factory=list)
    address: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.address}/hook"

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (it.partition(":") for it in head[1:])
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.received.append(Received(head[0].split(" ")[1], headers, body))
        if self.hold is not None:
            await self.hold.wait()
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        length = "" if self.pause_between_bytes else f"Content-Length: {len(self.body)}\r\n"
        answer = f"HTTP/1.1 {self.status} X\r\n{length}{more}Connection: close\r\n\r\n"
        await self._write(writer, answer.encode() + self.body)

    async def _write(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        if not self.pause_between_bytes:
            writer.write(answer)
            await writer.drain()
            return
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(self.pause_between_bytes)

    async def until(self, count: int) -> list[Received]:
        await eventually(lambda: len(self.received) >= count, within=SOON)
        return self.received


@asynccontextmanager
async def receiving(status: int = 204) -> AsyncIterator[Receiver]:
    """Yield a receiver that listens on this computer."""
    receiver = Receiver(status=status)
    async with listening(receiver.respond) as address:
        receiver.address = address
        try:
            yield receiver
        finally:
            if receiver.hold is not None:
                receiver.hold.set()
