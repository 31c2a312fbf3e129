"""A threaded web server for a site: bounded requests, one per connection, safe headers."""

from __future__ import annotations

import _thread  # `threading` takes a while to start
import signal
import socket
import sys
import time

import messages

TYPE_CHECKING = False  # the module `typing` starts slowly
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedIOBase

BODY_LIMIT = 8192
AT_ONCE = 16
SECONDS = 15.0
"""For one request and its answer, however slowly they come."""
FAREWELL_SECONDS = 8.0
"""For visitors who are here when the unit is stopped; it is killed after ten."""
REASONS = {
    200: "OK",
    201: "Created",
    303: "See Other",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
SAFETY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
    "connection": "close",
}


class Request:
    """What a visitor asks for; HEAD is asked as GET."""

    def __init__(self, message: messages.Message) -> None:
        method, _, rest = message.first.partition(" ")
        target, _, version = rest.partition(" ")
        if not target.startswith("/") or not version.startswith("HTTP/1."):
            raise messages.BadMessageError("malformed request line")
        self.is_head = method == "HEAD"
        self.method = "GET" if self.is_head else method
        self.path = target.partition("?")[0]
        self.body = message.body
        self._fields = message.fields

    def field(self, name: str) -> str:
        """Return a header field, or an empty text."""
        return self._fields.get(name, "")


class Answer:
    """What a visitor gets."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        kind: str = "text/plain; charset=utf-8",
        fields: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.body = text.encode()
        self.fields = {"content-type": kind, "content-length": str(len(self.body))}
        self.fields |= SAFETY | (fields or {})


class _Leaving(Exception):  # noqa: N818 - no error: told to end
    """The unit is being stopped."""


def serve(port: int, respond: Callable[[Request], Answer]) -> None:
    """Answer visitors, some at the same time, until told to end; then only those who are here."""
    visits: dict[socket.socket, float] = {}
    with socket.create_server(("", port), backlog=128) as listener:
        signal.signal(signal.SIGTERM, _leave)
        for _ in range(AT_ONCE):
            _thread.start_new_thread(_work, (listener, respond, visits))
        try:
            while True:
                # Nothing tells that a visitor is slow: a look now and then does.
                time.sleep(SECONDS / 5)
                _end_long_visits(visits)
        except _Leaving:
            listener.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + FAREWELL_SECONDS
        while visits and time.monotonic() < end:
            # Visits end in threads without a way to say so: those of `threading` start slowly.
            time.sleep(0.02)


def _leave(_number: int, _frame: object) -> None:
    raise _Leaving


def _end_long_visits(visits: dict[socket.socket, float]) -> None:
    """Hang up on whoever has been here too long; a time-out would begin anew with every byte."""
    for connection, began in list(visits.items()):
        if time.monotonic() - began > SECONDS:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                log(f"a visitor has gone: {error}")


def _work(
    listener: socket.socket,
    respond: Callable[[Request], Answer],
    visits: dict[socket.socket, float],
) -> None:
    try:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if _accepts(listener):
                    raise
                return
            visits[connection] = time.monotonic()
            try:
                _meet(connection, respond)
            finally:
                del visits[connection]
    finally:
        # A visit that went wrong ends this thread, and another one takes its place.
        if _accepts(listener):
            _thread.start_new_thread(_work, (listener, respond, visits))


def _accepts(listener: socket.socket) -> bool:
    if listener.fileno() < 0:
        return False
    return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _meet(connection: socket.socket, respond: Callable[[Request], Answer]) -> None:
    try:
        with connection, connection.makefile("rwb") as stream:
            _exchange(stream, respond)
    except OSError as error:
        log(f"a visitor has gone: {error}")


def _exchange(stream: BufferedIOBase, respond: Callable[[Request], Answer]) -> None:
    is_head, what = False, "unreadable request"
    try:
        request = Request(messages.read(stream, BODY_LIMIT))
        is_head, what = request.is_head, f"{request.method} {request.path}"
        answer = respond(request)
    except messages.BadMessageError as error:
        answer = Answer(400, f"{error}\n")
    log(f"{what!a} {answer.status}")
    body = b"" if is_head else answer.body
    messages.write(
        stream, f"HTTP/1.1 {answer.status} {REASONS[answer.status]}", answer.fields, body
    )


def log(line: str) -> None:
    """Write a line to the unit's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
