"""The API by which a provider publishes host names; every request needs the token.

PUT    /records/{host}   {"address": "127.0.0.1:PORT", "tls_address": "127.0.0.1:PORT"?}
DELETE /records/{host}
GET    /records
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .records import Record, is_host

if TYPE_CHECKING:
    from pydantic import SecretStr

    from .records import Records

BODY_BYTES: Final = 4096
Endpoint = Callable[[Request], Awaitable[Response]]


def application(records: Records, token: SecretStr) -> Starlette:
    """Return the record API over these records."""
    api = _RecordApi(records, f"Bearer {token.get_secret_value()}".encode())
    return Starlette(
        routes=[
            Route("/records", api.protected(api.list), methods=["GET"]),
            Route("/records/{host}", api.protected(api.put), methods=["PUT"]),
            Route("/records/{host}", api.protected(api.delete), methods=["DELETE"]),
        ]
    )


class _RecordApi:
    def __init__(self, records: Records, authorization: bytes) -> None:
        self._records = records
        self._authorization = authorization

    def protected(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, self._authorization):
                return JSONResponse({"error": "a valid token is needed"}, status_code=401)
            return await endpoint(request)

        return checked

    async def list(self, _: Request) -> Response:
        shown = {name: it.model_dump(exclude_none=True) for name, it in self._records.all().items()}
        return JSONResponse(shown)

    async def put(self, request: Request) -> Response:
        host = request.path_params["host"]
        if not is_host(host):
            return JSONResponse({"error": f"{host!r} is not a host name"}, status_code=422)
        try:
            record = Record.model_validate_json(await _body(request))
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        self._records.put(host, record)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        self._records.remove(request.path_params["host"])
        return Response(status_code=204)


async def _body(request: Request) -> bytes:
    """Return the body, cut where no valid one would still go on."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            break
    return body
