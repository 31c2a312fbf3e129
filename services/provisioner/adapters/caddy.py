"""`Edge` for Caddy, through its admin API: one list of routes, written as a whole.

Caddy forgets the routes when it restarts, and reloads everything when they are written: so they
are compared first, and an equal list is left alone.

Where public URLs are https, the plain listener only sends visitors there, and browsers are told to
come by https from then on. What is done for media stands in `caddy_media`, what is said for
applications that do not answer in `caddy_pages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2
from typing_extensions import override

from shared import errors
from shared.contracts.deployments import Endpoint

from ..domain import Maintenance, Media, Route
from ..ports import Edge
from . import caddy_media, caddy_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Json = Mapping[str, Any]

PLAIN: Final = "edge"
TLS: Final = "edge_tls"
YEAR_SECONDS: Final = 365 * 24 * 60 * 60
BRIEFLY_SECONDS: Final = 5 * 60
# Caddy reads the certificates of all its hosts again, perhaps one that it has half written.
_CERTIFICATES: Final = "managing certificates for"
# Caddy answers what no route matches with an empty 200, which looks like a page that works.
_NOWHERE: Final[Json] = {
    "handle": [
        {
            "handler": "static_response",
            "status_code": 404,
            "headers": {"Content-Type": ["text/plain; charset=utf-8"]},
            "body": "Nothing is published under this name.\n",
        }
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaddyEdge(Edge):
    """Owns the routes of one Caddy, and nothing else of its configuration."""

    client: httpx2.AsyncClient
    """Knows the URL of the admin API."""
    has_tls: bool
    secure_url: Callable[[str], str] | None = None
    """The public URL of a host, where that is https; None: plain HTTP leads to applications too."""

    @override
    async def routes(self) -> Sequence[Route]:
        server = TLS if self.secure_url else PLAIN
        return [_read(it) for it in await self._list(server) or () if "@id" in it]

    @override
    async def route(self, wanted: Sequence[Route]) -> None:
        for server in (PLAIN, TLS) if self.has_tls else (PLAIN,):
            entries = [*(self._entry(server, it) for it in wanted), _NOWHERE]
            found = await self._list(server)
            if found != entries:
                await self._ask("PUT" if found is None else "PATCH", server, entries)

    def _entry(self, server: str, route: Route) -> Json:
        return {
            "@id": f"fdv-{route.host}" if server == PLAIN else f"fdv-tls-{route.host}",
            "match": [{"host": [route.host]}],
            "handle": self._handlers(server, route),
            "terminal": True,
        }

    def _handlers(self, server: str, route: Route) -> Sequence[Json]:
        there = _there(route)
        if self.secure_url is None:
            return there
        url = self.secure_url(route.host)
        return [_come_by_https(url), *there] if server == TLS else [_go_to(url)]

    async def _list(self, server: str) -> Sequence[Json] | None:
        found: Sequence[Json] | None = (await self._ask("GET", server)).json()
        return found

    async def _ask(
        self, method: str, server: str, body: Sequence[Json] | None = None
    ) -> httpx2.Response:
        path = f"/config/apps/http/servers/{server}/routes"
        try:
            # Every change restarts the admin API, which drops the connections of the old one.
            answer = await self.client.request(
                method, path, json=body, headers={"Connection": "close"}
            )
        except httpx2.TransportError as error:
            raise errors.UnavailableError(
                "route.unavailable", f"the edge's admin API did not answer: {error!r}"
            ) from error
        if _CERTIFICATES in answer.text and answer.is_error:
            raise errors.UnavailableError(
                "route.certificates",
                f"the edge is still writing a certificate: {answer.text[:300]}",
            )
        if answer.is_error:
            raise errors.FaultError(
                "route.refused",
                f"the edge refused {method} {path} with {answer.status_code}: "
                f"{answer.text[:300]}; does its configuration have a server named {server}?",
            )
        return answer


def _there(route: Route) -> Sequence[Json]:
    match route.upstream:
        case Media():
            return caddy_media.handlers(route.upstream)
        case Maintenance():
            return [caddy_pages.maintenance(route.host)]
        case Endpoint():
            return [caddy_pages.application(route.host, route.upstream)]


def _go_to(url: str) -> Json:
    # 308: a form that was sent here is sent there as it is.
    headers = {"Location": [f"{url}{{http.request.uri}}"]}
    return {
        "handler": "static_response",
        "status_code": HTTPStatus.PERMANENT_REDIRECT,
        "headers": headers,
    }


def _come_by_https(url: str) -> Json:
    # A browser that was told so asks an odd port of plain HTTP for TLS as well: not for long, then.
    seconds = BRIEFLY_SECONDS if urlsplit(url).port else YEAR_SECONDS
    headers = {"Strict-Transport-Security": [f"max-age={seconds}"]}
    # Deferred: instead of what the application says, not beside it.
    return {"handler": "headers", "response": {"deferred": True, "set": headers}}


def _read(entry: Json) -> Route:
    last = entry["handle"][-1]
    read = caddy_media.read if caddy_media.is_ours(last) else caddy_pages.read
    return Route(host=entry["match"][0]["host"][0], upstream=read(last))
