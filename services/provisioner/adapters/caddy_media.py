"""What Caddy does for a media host: it reads single objects from a store, and nothing else.

Everything that reaches the store or comes back from it passes here, so both ways are narrow: paths
are checked as they are sent, queries and private headers dropped, and no other answer than an
object is passed on. So nobody lists a bucket, leaves it, signs anything or learns its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from ..domain import Media

Json = Mapping[str, Any]

USUAL_PORTS: Final = {"http": 80, "https": 443}
# Encoded, but not a control character, a dot, a slash or a backslash: a store may take those for
# what they stand for, and leave the bucket.
_ENCODED: Final = (
    "%(?:2[0-9A-Da-d]|[346][0-9A-Fa-f]|5[0-9ABD-Fabd-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f])"
)
_CHARACTER: Final = rf"(?:[A-Za-z0-9_~!$&'()*+,;=:@\[\]-]|{_ENCODED})"
_SEGMENT: Final = rf"(?:\.*{_CHARACTER}(?:\.|{_CHARACTER})*|\.{{3,}})"
PATHS: Final = rf"^(?:/{_SEGMENT})+(?:\?.*)?$"
"""Paths that name an object: no part of them is empty, `.` or `..`."""
ANSWERS: Final = [HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED]
"""The store's answers that are passed on."""
HEADERS: Final = {
    "Access-Control-Allow-Origin": ["*"],
    # What somebody uploaded is shown, but never runs as a page of the operator's domain.
    "Content-Security-Policy": ["default-src 'none'; sandbox"],
    "X-Content-Type-Options": ["nosniff"],
}
_TEXT: Final = {"Content-Type": ["text/plain; charset=utf-8"]}
_NO_OBJECT: Final = "There is nothing here.\n"
_READ_ONLY: Final = "Here one can only read.\n"
_TROUBLE: Final = "The store does not answer as it should. Try again in a moment.\n"


def handlers(media: Media) -> list[Json]:
    """Return what is done with requests for a media host."""
    routes = [
        {
            "match": [{"not": [{"method": ["GET", "HEAD"]}]}],
            "handle": [_answer(HTTPStatus.METHOD_NOT_ALLOWED, _READ_ONLY, Allow=["GET, HEAD"])],
            "terminal": True,
        },
        {
            "match": [{"not": [{"vars_regexp": {"{http.request.uri}": {"pattern": PATHS}}}]}],
            "handle": [_answer(HTTPStatus.NOT_FOUND, _NO_OBJECT)],
            "terminal": True,
        },
        {"handle": [_into_the_bucket(media), _from_the_store(media)]},
    ]
    failed = [{"handle": [_answer("{http.error.status_code}", _TROUBLE)]}]
    # Outside, and deferred: for answers of the edge's own as well.
    named: Json = {
        "handler": "headers",
        "response": {"deferred": True, "set": HEADERS, "delete": ["Server"]},
    }
    return [named, {"handler": "subroute", "routes": routes, "errors": {"routes": failed}}]


def is_ours(handler: Json) -> bool:
    """Say whether this is the last of `handlers`, and not what is done for an application."""
    return any(it["handler"] == "rewrite" for it in handler["routes"][-1]["handle"])


def read(handler: Json) -> Media:
    """Return the media that the last of `handlers` leads to."""
    rewrite, proxy = handler["routes"][-1]["handle"]
    scheme = "https" if "tls" in proxy["transport"] else "http"
    [place] = proxy["headers"]["request"]["set"]["Host"]
    prefix = rewrite["path_regexp"][0]["replace"].rstrip("/")
    return Media(url=f"{scheme}://{place}{prefix}")


def _into_the_bucket(media: Media) -> Json:
    # Not `"uri": "/bucket{http.request.uri.path}"`: Caddy would take an encoded question mark in
    # the path for the beginning of a query, and send one.
    return {
        "handler": "rewrite",
        "uri": "?",
        "path_regexp": [{"find": "^/", "replace": f"{urlsplit(media.url).path}/"}],
    }


def _from_the_store(media: Media) -> Json:
    parts = urlsplit(media.url)
    host = parts.hostname or ""
    port = parts.port or USUAL_PORTS[parts.scheme]
    security = {"tls": {"server_name": host}} if parts.scheme == "https" else {}
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"[{host}]:{port}" if ":" in host else f"{host}:{port}"}],
        "transport": {"protocol": "http", **security},
        "headers": {
            "request": {
                # A wildcard: also those that other kinds of stores have for keys and options.
                "delete": ["Authorization", "Cookie", "X-*"],
                "set": {"Host": [parts.netloc]},
            },
            "response": {"delete": ["Access-Control-*", "Seaweed-*", "Set-Cookie", "X-*"]},
        },
        "handle_response": [
            _on(ANSWERS, {"handler": "copy_response"}),
            _on([HTTPStatus.SERVICE_UNAVAILABLE], _answer(503, _TROUBLE)),
            _on([5], _answer(HTTPStatus.BAD_GATEWAY, _TROUBLE)),
            {"routes": [{"handle": [_answer(HTTPStatus.NOT_FOUND, _NO_OBJECT)]}]},
        ],
    }


def _on(statuses: Sequence[int], handler: Json) -> Json:
    return {"match": {"status_code": statuses}, "routes": [{"handle": [handler]}]}


def _answer(status: int | str, body: str, **headers: list[str]) -> Json:
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {**_TEXT, **headers},
        "body": body,
    }
