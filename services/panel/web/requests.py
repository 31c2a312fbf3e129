"""Requests from elsewhere: refused where they would change something, and so is what is too large.

Browsers say where a request comes from. A request that would change something has to come from a
page of this panel: a sibling host is not one, because applications of operators live there. What
says nothing is no browser of today, and may not carry a cookie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

from . import failures

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN: Final = frozenset({"same-origin", "none"})
FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
LARGEST_BODY: Final = 512 * 1024
"""A whole configuration, escaped as forms are."""


class OwnRequests:
    """Let through what comes from the panel's own pages, or changes nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        refusal = _refusal(Headers(scope=scope))
        if refusal is not None:
            await failures.page(Request(scope), refusal)(scope, receive, send)
            return
        await self._app(scope, _counted(receive), send)


def is_own(headers: Headers) -> bool:
    """Say whether a request comes from a page of this host, or from no browser at all."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in OWN
    origin = headers.get("origin")
    if origin is not None:
        return bool(headers.get("host")) and urlsplit(origin).netloc == headers.get("host")
    return "cookie" not in headers


def _refusal(headers: Headers) -> failures.Kind | None:
    if not is_own(headers):
        return failures.ELSEWHERE
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        return failures.TOO_LARGE
    has_body = length != "0" or "transfer-encoding" in headers
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    return failures.BAD_MEDIA if has_body and media not in FORMS else None


def _counted(receive: Receive) -> Receive:
    """Refuse a body without a length as soon as it is too large."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise HTTPException(failures.TOO_LARGE.status)
        return message

    return receive_counted
