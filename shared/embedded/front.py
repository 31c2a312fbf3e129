"""The front: plays internet and DNS for everything under `*.localhost`.

It sends each connection to the address that the record of its host name names, so moving an
application elsewhere is a change of a record. Bytes pass unbuffered both ways; TLS is passed
through unread. Records are changed over the API of `record_api`.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import uvicorn

from shared.serving import Server

from . import record_api, wire
from .ports import LOOPBACK
from .records import Records, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import SecretStr

OPENING_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 5.0
CHUNK_BYTES: Final = 64 * 1024
UNRECOGNIZED_NAME: Final = b"\x15\x03\x03\x00\x02\x02\x70"
"""The TLS alert for a name that nobody serves here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontSettings:
    """Where the front listens and what it keeps."""

    port: int
    tls_port: int
    api_port: int
    records: Path
    token: SecretStr


async def serve(settings: FrontSettings, stop: asyncio.Event) -> None:
    """Route connections and answer the record API until told to stop."""
    records = Records(settings.records)
    router = Router(records)
    listeners = [
        await asyncio.start_server(router.on_http, LOOPBACK, settings.port, limit=wire.HEAD_BYTES),
        await asyncio.start_server(
            router.on_tls, LOOPBACK, settings.tls_port, limit=wire.HELLO_BYTES
        ),
    ]
    api = Server(
        uvicorn.Config(
            record_api.application(records, settings.token),
            host=LOOPBACK,
            port=settings.api_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.ensure_future(api.serve())
    await stop.wait()
    for listener in listeners:
        # Open connections are not awaited: an event stream would never end.
        listener.close()
    api.should_exit = True
    await serving


class Router:
    """Passes connections on to where the records say."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def on_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Route one plain connection by the Host header of its request."""
        with _closing(writer):
            try:
                async with asyncio.timeout(OPENING_SECONDS):
                    opening = await wire.read_head(reader)
            except wire.UnreadableError as error:
                writer.write(page(HTTPStatus.BAD_REQUEST, str(error)))
            except asyncio.LimitOverrunError:
                writer.write(page(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is long"))
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                return
            else:
                await self._pass_http(opening, reader, writer)

    async def _pass_http(
        self, opening: wire.Opening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        record = self._records.find(opening.host)
        place = record.place(is_tls=False) if record else None
        if place is None:
            text = f"No hosting provider has published {canonical(opening.host)} here."
            writer.write(page(HTTPStatus.NOT_FOUND, text))
        elif not await _pass(place, opening, reader, writer):
            text = f"{canonical(opening.host)} is published, but its provider does not answer."
            writer.write(page(HTTPStatus.BAD_GATEWAY, text))

    async def on_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Route one TLS connection by the server name it asks for, without reading further."""
        with _closing(writer):
            try:
                async with asyncio.timeout(OPENING_SECONDS):
                    opening = await wire.read_hello(reader)
            except (wire.UnreadableError, TimeoutError, EOFError, ConnectionError):
                return
            record = self._records.find(opening.host)
            place = record.place(is_tls=True) if record else None
            if place is None or not await _pass(place, opening, reader, writer):
                writer.write(UNRECOGNIZED_NAME)


@contextlib.contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    finally:
        writer.close()


async def _pass(
    place: tuple[str, int],
    opening: wire.Opening,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Connect two ends until both have said everything; False when the far end is not there."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            far_reader, far_writer = await asyncio.open_connection(*place)
    except (OSError, TimeoutError):
        return False
    with _closing(far_writer):
        far_writer.write(opening.passed_on)
        upwards = asyncio.ensure_future(_pump(reader, far_writer))
        try:
            await _pump(far_reader, writer)
        finally:
            # The answer is complete; what the client would still send has no reader.
            upwards.cancel()
            await asyncio.gather(upwards, return_exceptions=True)
    return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


def page(status: HTTPStatus, text: str) -> bytes:
    """Return a small page that says why there is nothing else."""
    body = (
        f"<!doctype html><html lang=en><title>{status.phrase}</title>"
        f"<h1>{status.phrase}</h1><p>{html.escape(text)}</p>\n"
    ).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
