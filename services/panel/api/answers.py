"""What every JSON answer to GET carries: a tag to ask again with, and where a list goes on."""

import json
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import conditions, media, problems

_OK: Final = 200
_LIST: Final = b'{"items":['
_UNREADABLE: Final = "What is here cannot be had in any of the media types that you accept."


class Finish:
    """Finish answers to GET: ETag, 304, Link, and 406 where nobody can read the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and scope["method"] == "GET":
            await self._app(scope, receive, _Answer(scope, receive, send).send)
        else:
            await self._app(scope, receive, send)


class _Answer:
    """One answer, kept back while its end has to be known."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._asked = Headers(scope=scope)
        self._start: Message | None = None
        self._content = b""
        self._is_refused = False

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on, or keep it."""
        if self._is_refused:
            return
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._start is None:
            await self._send(message)
        else:
            self._content += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _begin(self, message: Message) -> None:
        kind = Headers(raw=message["headers"]).get("content-type", "").partition(";")[0].strip()
        if message["status"] != _OK:
            await self._send(message)
        elif not media.is_accepted(self._asked.get("accept", ""), kind):
            self._is_refused = True
            refusal = problems.document(self._scope, problems.NOT_ACCEPTABLE, _UNREADABLE)
            await refusal(self._scope, self._receive, self._send)
        elif kind == media.JSON:
            self._start = message
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        headers = MutableHeaders(raw=start["headers"])
        found = conditions.tag(self._content, headers.get("etag", ""))
        headers["ETag"] = found
        following = self._following()
        if following:
            headers["Link"] = following
        if conditions.is_known(found, self._asked.get("if-none-match", "")):
            del headers["content-length"]
            del headers["content-type"]
            start, self._content = {**start, "status": 304}, b""
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": self._content})

    def _following(self) -> str:
        """Return the Link to the next part of a list, if this is one and there may be more."""
        place = json.loads(self._content).get("next") if self._content.startswith(_LIST) else None
        if not place:
            return ""
        name = "after" if place.isdecimal() else "cursor"
        query = parse_qsl(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)
        kept = [it for it in query if it[0] not in {"cursor", "before", "after"}]
        return f'<{quote(self._scope["path"])}?{urlencode([*kept, (name, place)])}>; rel="next"'
