"""HTTP clients that know where `*.localhost` is.

Browsers resolve those names to the loopback address, the C library does not. These clients do,
and keep the name in the Host header and in TLS, so that edges and certificates see the real one.
"""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING, Final

import httpx2
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOOPBACK: Final = "127.0.0.1"
TIMEOUT_SECONDS: Final = 30.0


def client(
    *,
    base_url: str = "",
    authority: Path | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float | None = TIMEOUT_SECONDS,
) -> httpx2.AsyncClient:
    """Return a client; `authority` is a file with a certificate authority to trust as well."""
    return httpx2.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=timeout_seconds,
        transport=_AsyncTransport(verify=_trust(authority)),
    )


def sync_client(
    *,
    base_url: str = "",
    authority: Path | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float | None = TIMEOUT_SECONDS,
) -> httpx2.Client:
    """Return a client for programs without an event loop."""
    return httpx2.Client(
        base_url=base_url,
        headers=headers,
        timeout=timeout_seconds,
        transport=_Transport(verify=_trust(authority)),
    )


class _AsyncTransport(httpx2.AsyncHTTPTransport):
    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await super().handle_async_request(_at_home(request))


class _Transport(httpx2.HTTPTransport):
    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return super().handle_request(_at_home(request))


def _at_home(request: httpx2.Request) -> httpx2.Request:
    """Send a request for a `*.localhost` name to this computer, under its own name."""
    name = request.url.host
    if not is_local(name):
        return request
    # The Host header was set from the URL before; only the place to connect to changes. The pool
    # cannot tell these names apart any more, so no connection may serve two of them.
    headers = request.headers.copy()
    headers["Connection"] = "close"
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=LOOPBACK),
        headers=headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name},
    )


def is_local(name: str) -> bool:
    """Say whether a host name always means this computer (RFC 6761, 6.3)."""
    plain = name.rstrip(".").lower()
    return plain == "localhost" or plain.endswith(".localhost")


def _trust(authority: Path | None) -> ssl.SSLContext:
    return _trusting(authority, authority.stat().st_mtime_ns if authority else 0)


# To read all that a computer trusts takes thirty milliseconds, and some ask every second.
@functools.lru_cache(maxsize=8)
def _trusting(authority: Path | None, _written: int) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority is not None:
        context.load_verify_locations(authority)
    return context
