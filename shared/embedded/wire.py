"""The first bytes of a connection: which host name a client asks for, by HTTP or by TLS."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

HEAD_BYTES: Final = 32 * 1024
HELLO_BYTES: Final = 16 * 1024
HANDSHAKE: Final = 22
CLIENT_HELLO: Final = 1
SERVER_NAME: Final = 0
# Dropped and said anew: one connection carries one request, so each is routed by its own name.
HOP_BY_HOP: Final = (b"connection", b"keep-alive", b"proxy-connection")


class UnreadableError(Exception):
    """The bytes are not what they should be; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client asks for, and the bytes to pass on in its name."""

    host: str
    passed_on: bytes


async def read_head(reader: asyncio.StreamReader) -> Opening:
    """Read the head of an HTTP/1 request; the body stays in the reader."""
    head = await reader.readuntil(b"\r\n\r\n")
    start, *fields = head[:-4].split(b"\r\n")
    if not start.endswith((b" HTTP/1.1", b" HTTP/1.0")):
        raise UnreadableError("this port speaks HTTP/1.1")
    named = [(name.strip().lower(), value.strip()) for name, _, value in map(_split, fields)]
    hosts = [value for name, value in named if name == b"host"]
    if len(hosts) != 1:
        raise UnreadableError("exactly one Host header is needed")
    upgrades = any(name == b"upgrade" for name, _ in named)
    if not upgrades:
        kept = [line for line in fields if _split(line)[0].strip().lower() not in HOP_BY_HOP]
        head = b"\r\n".join([start, *kept, b"Connection: close", b"", b""])
    return Opening(hosts[0].decode("latin-1"), head)


def _split(line: bytes) -> tuple[bytes, bytes, bytes]:
    return line.partition(b":")


async def read_hello(reader: asyncio.StreamReader) -> Opening:
    """Read the first message of a TLS client, which names the server it wants (RFC 6066, 3)."""
    raw, message = b"", b""
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4]):  # noqa: PLR2004 - the header of a handshake message
        head = await reader.readexactly(5)
        kind, _, length = struct.unpack(">BHH", head)
        if kind != HANDSHAKE or len(raw) + length > HELLO_BYTES:
            raise UnreadableError("this port speaks TLS")
        body = await reader.readexactly(length)
        raw += head + body
        message += body
    if message[0] != CLIENT_HELLO:
        raise UnreadableError("this port speaks TLS")
    return Opening(_server_name(message[4:]), raw)


def _server_name(hello: bytes) -> str:
    """Return the name in a ClientHello: version, random, session, ciphers, compressions, rest."""
    try:
        cursor = 34
        cursor += 1 + hello[cursor]
        cursor += 2 + int.from_bytes(hello[cursor : cursor + 2])
        cursor += 1 + hello[cursor]
        end = cursor + 2 + int.from_bytes(hello[cursor : cursor + 2])
        cursor += 2
        while cursor < end:
            kind, length = struct.unpack_from(">HH", hello, cursor)
            cursor += 4
            if kind == SERVER_NAME:
                # A list of one: its length, the kind of name, the name's length, the name.
                return hello[cursor + 5 : cursor + length].decode("ascii")
            cursor += length
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise UnreadableError("the first TLS message is damaged") from error
    raise UnreadableError("the client names no server")
