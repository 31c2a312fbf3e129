"""The gate before the API: request ids, size and media type of bodies, private answers."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import ids

from . import media, problems

LARGEST_BODY: Final = 96 * 1024
"""The whole configuration has to fit into one message on the bus."""
BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
PROTECTION: Final = {
    # Browsers heed it where the answer came over TLS, and only there.
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
TOO_LARGE: Final = f"A request has at most {LARGEST_BODY // 1024} KiB here."


class Gate:
    """Give each request an id, and refuse bodies that are too large or not JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = ids.new_id()
        scope.setdefault("state", {})[problems.REQUEST_ID] = request_id

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("Cache-Control", "no-store")
                for name, value in PROTECTION.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = _refusal(scope)
        if refusal is not None:
            kind, detail = refusal
            await problems.document(scope, kind, detail)(scope, receive, send_marked)
            return
        await self._app(scope, _counted(receive), send_marked)


def _refusal(scope: Scope) -> tuple[problems.ProblemKind, str] | None:
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > LARGEST_BODY:
        return problems.TOO_LARGE, TOO_LARGE
    has_body = length != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if scope["method"] in BODY_METHODS and has_body and kind != media.JSON:
        return problems.BAD_MEDIA, "Send the body as application/json."
    # Before anything is done: what answers a GET is known only when it is there.
    if scope["method"] != "GET" and not media.is_accepted(headers.get("accept", ""), media.JSON):
        return problems.NOT_ACCEPTABLE, "Accept application/json: nothing else is answered here."
    return None


def _counted(receive: Receive) -> Receive:
    """Refuse a body without a length as soon as it is too large."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise HTTPException(problems.TOO_LARGE.status, TOO_LARGE)
        return message

    return receive_counted
