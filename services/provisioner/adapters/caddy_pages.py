"""What Caddy says for applications that do not answer, on purpose or not: 503, and when to return.

A person sees a page without words of any language, a program that asks for JSON a problem document
(RFC 9457). Nothing is fetched from anywhere else, and nothing is kept in a cache.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from shared.contracts.deployments import Endpoint

from ..domain import Maintenance

if TYPE_CHECKING:
    from ..domain import Upstream

Json = Mapping[str, Any]

MAINTENANCE_SECONDS: Final = 30
AWAY_SECONDS: Final = 5
"""What was just stopped or started is back soon."""
STILL: Final = "What answers under this name stands still for a while, on purpose."
AWAY: Final = "What answers under this name is away at the moment; try again soon."
_STATUS: Final = HTTPStatus.SERVICE_UNAVAILABLE
# zxx: no language at all. A person who does not see it hears the name, the status and the time.
_PAGE: Final = """<!doctype html>
<html lang="zxx">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{status} · {host}</title>
</head>
<body style="font-family: system-ui, sans-serif; text-align: center; margin: 20vh 1rem">
<main>
<p style="font-size: 4rem; margin: 0" aria-hidden="true">{symbol}</p>
<h1 style="font-size: 1.5rem; overflow-wrap: anywhere">{host}</h1>
<p>{status} · <time datetime="PT{seconds}S">{seconds} s</time></p>
</main>
</body>
</html>
"""
_HEADERS: Final = {"Cache-Control": ["no-store"], "Vary": ["Accept"]}
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_ASKS_FOR_JSON: Final[Json] = {
    "header": {"Accept": ["*json*"]},
    "not": [{"header": {"Accept": ["*text/html*"]}}],
}


def application(host: str, upstream: Endpoint) -> Json:
    """Return what hands requests to an application, and speaks for it while it does not answer."""
    # Without flush_interval -1: with it Caddy breaks open streams off whenever routes
    # change. Event streams and bodies of unknown length are passed on at once as it is.
    proxy = {"handler": "reverse_proxy", "upstreams": [{"dial": str(upstream)}]}
    return {
        "handler": "subroute",
        "routes": [{"handle": [proxy]}],
        "errors": {"routes": _answers(host, "edge.no_answer", AWAY, "\N{HOURGLASS}", AWAY_SECONDS)},
    }


def maintenance(host: str) -> Json:
    """Return what speaks for an application that stands still on purpose."""
    pause = "\N{DOUBLE VERTICAL BAR}\N{VARIATION SELECTOR-15}"
    answers = _answers(host, "edge.maintenance", STILL, pause, MAINTENANCE_SECONDS)
    return {"handler": "subroute", "routes": answers}


def read(handler: Json) -> Upstream:
    """Return what `application` or `maintenance` was told."""
    first = handler["routes"][0]["handle"][0]
    if first["handler"] != "reverse_proxy":
        return Maintenance()
    dial: str = first["upstreams"][0]["dial"]
    host, _, port = dial.rpartition(":")
    return Endpoint(host=host, port=int(port))


def _answers(host: str, code: str, detail: str, symbol: str, seconds: int) -> list[Json]:
    """Return the routes that answer, for programs and for people."""
    problem = {
        "type": "about:blank",
        "title": _STATUS.phrase,
        "status": _STATUS.value,
        "detail": detail,
        "code": code,
        "instance": f"//{host}",
    }
    page = _PAGE.format(
        status=_STATUS.value, host=html.escape(host), symbol=symbol, seconds=seconds
    )
    text = json.dumps(problem) + "\n"
    return [
        {
            "match": [_ASKS_FOR_JSON],
            "handle": [_answer(text, seconds, {"Content-Type": ["application/problem+json"]})],
            "terminal": True,
        },
        {
            "handle": [
                _answer(
                    page,
                    seconds,
                    {
                        "Content-Type": ["text/html; charset=utf-8"],
                        "Content-Security-Policy": [_POLICY],
                    },
                )
            ]
        },
    ]


def _answer(body: str, seconds: int, headers: Json) -> Json:
    return {
        "handler": "static_response",
        "status_code": _STATUS.value,
        "headers": {"Retry-After": [str(seconds)], **_HEADERS, **headers},
        # Caddy fills in what stands in braces, if it knows it.
        "body": body.replace("{", "\\{"),
    }
