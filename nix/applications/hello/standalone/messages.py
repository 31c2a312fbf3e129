"""HTTP messages, read with a limit on everything and written whole; one per connection."""

from __future__ import annotations

TYPE_CHECKING = False  # the module `typing` starts slowly
if TYPE_CHECKING:
    from io import BufferedIOBase

LINE_LIMIT = 8192
FIELD_LIMIT = 64
ONLY_ONCE = ("content-length", "host")


class BadMessageError(Exception):
    """What arrived is not a message that can be understood here."""


class Message:
    """A first line, header fields by their lower-case name, and a body."""

    def __init__(self, first: str, fields: dict[str, str], body: bytes) -> None:
        self.first = first
        self.fields = fields
        self.body = body


def read(stream: BufferedIOBase, body_limit: int, *, until_closed: bool = False) -> Message:
    """Read one message; a body without a length ends with the connection, or is empty.

    Raises:
        BadMessageError: it is malformed, or larger than it may be.
    """
    first = _line(stream)
    fields: dict[str, str] = {}
    for _ in range(FIELD_LIMIT):
        line = _line(stream)
        if not line:
            break
        name, colon, value = line.partition(":")
        name = name.lower()
        repeated = name in fields and name in ONLY_ONCE
        if not colon or not name or name.strip() != name or repeated:
            raise BadMessageError("malformed header")
        fields[name] = value.strip()
    else:
        raise BadMessageError("too many headers")
    return Message(first, fields, _body(stream, fields, body_limit, until_closed=until_closed))


def write(stream: BufferedIOBase, first: str, fields: dict[str, str], body: bytes = b"") -> None:
    """Write one message and send it off."""
    lines = [first, *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    stream.write("\r\n".join(lines).encode("latin-1") + body)
    stream.flush()


def _line(stream: BufferedIOBase) -> str:
    line = stream.readline(LINE_LIMIT)
    if not line.endswith(b"\n"):
        raise BadMessageError("the message ends early or a line is too long")
    return line.rstrip(b"\r\n").decode("latin-1")


def _body(
    stream: BufferedIOBase, fields: dict[str, str], limit: int, *, until_closed: bool
) -> bytes:
    if "transfer-encoding" in fields:
        raise BadMessageError("only bodies with a length are accepted")
    length = fields.get("content-length")
    if length is None:
        body = stream.read(limit + 1) if until_closed else b""
    elif length.isascii() and length.isdigit() and len(length) < FIELD_LIMIT:
        body = stream.read(min(int(length), limit + 1))
        if len(body) < min(int(length), limit + 1):
            raise BadMessageError("the body ends early")
    else:
        raise BadMessageError("malformed length")
    if len(body) > limit:
        raise BadMessageError("the body is too large")
    return body
