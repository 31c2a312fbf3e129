"""A mail relay of a test: speaks SMTP over the wire, keeps letters, and refuses when told to."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage

SOON = 15.0


@dataclass
class Mailbox:
    """What the relay took, and how it answers a recipient."""

    recipient_answer: str = "250 2.1.5 Ok"
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.example ESMTP\r\n")
        sender = recipient = ""
        while line := (await reader.readline()).decode().strip():
            verb = line.upper()
            if verb.startswith("MAIL FROM:"):
                sender, answer = line[10:], "250 2.1.0 Ok"
            elif verb.startswith("RCPT TO:"):
                recipient, answer = line[8:], self.recipient_answer
            elif verb == "DATA":
                writer.write(b"354 Go on\r\n")
                letter = await reader.readuntil(b"\r\n.\r\n")
                self.envelopes.append((sender, recipient))
                self.letters.append(_read(letter[:-3]))
                answer = "250 2.0.0 Kept"
            else:
                answer = "221 2.0.0 Bye" if verb == "QUIT" else "250 Ok"
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
            if verb == "QUIT":
                return

    async def until(self, count: int) -> list[EmailMessage]:
        await eventually(lambda: len(self.letters) >= count, within=SOON)
        return self.letters


def _read(letter: bytes) -> EmailMessage:
    return email.message_from_bytes(letter, policy=email.policy.default)


@asynccontextmanager
async def running_mailbox(port: int = 0) -> AsyncIterator[Mailbox]:
    """Yield a relay that listens on a port of this computer."""
    mailbox = Mailbox()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await mailbox.respond(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
