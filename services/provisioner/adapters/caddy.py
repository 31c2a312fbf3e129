"""`Edge` for Caddy, through its admin API: one list of routes, written as a whole.

Caddy forgets the routes when it restarts, and reloads everything when they are written: so they
are compared first, and an equal list is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx2
from typing_extensions import override

from shared import errors
from shared.contracts.deployments import Endpoint

from ..domain import Route
from ..ports import Edge

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = Mapping[str, Any]

PLAIN: Final = "edge"
TLS: Final = "edge_tls"
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

    @override
    async def routes(self) -> Sequence[Route]:
        return [_read(it) for it in await self._list(PLAIN) or () if "@id" in it]

    @override
    async def route(self, wanted: Sequence[Route]) -> None:
        for server in (PLAIN, TLS) if self.has_tls else (PLAIN,):
            entries = [*(_entry(server, it) for it in wanted), _NOWHERE]
            found = await self._list(server)
            if found != entries:
                await self._ask("PUT" if found is None else "PATCH", server, entries)

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
        if answer.is_error:
            raise errors.FaultError(
                "route.refused",
                f"the edge refused {method} {path} with {answer.status_code}: "
                f"{answer.text[:300]}; does its configuration have a server named {server}?",
            )
        return answer


def _entry(server: str, route: Route) -> Json:
    return {
        "@id": f"fdv-{route.host}" if server == PLAIN else f"fdv-tls-{route.host}",
        "match": [{"host": [route.host]}],
        "handle": [
            # Without flush_interval -1: with it Caddy breaks open streams off whenever routes
            # change. Event streams and bodies of unknown length are passed on at once as it is.
            {"handler": "reverse_proxy", "upstreams": [{"dial": str(route.upstream)}]}
        ],
        "terminal": True,
    }


def _read(entry: Json) -> Route:
    dial: str = entry["handle"][0]["upstreams"][0]["dial"]
    host, _, port = dial.rpartition(":")
    return Route(host=entry["match"][0]["host"][0], upstream=Endpoint(host=host, port=int(port)))
