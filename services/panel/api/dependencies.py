"""What the routes share: who is asking, which part of a list, and doing things once."""

import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Header, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from shared import errors, ids
from shared.database import Transaction

from ..domain.identity import Caller
from ..domain.records import IdempotentAnswer, IdempotentRequest, Page, digest_of
from ..service.panel import Panel
from . import cursors
from .conditions import ExpectedDependency
from .problems import REQUEST_ID
from .rates import KNOWN

MOST_ITEMS: Final = 200
PREFIX: Final = "/api/v1"
TOKEN: Final = "token"  # noqa: S105 - the name of one
"""Under which a request remembers what its caller proved to be with."""
bearer = HTTPBearer(auto_error=False, description="A token: fdv_….", scheme_name="token")


def get_panel(request: Request) -> Panel:
    """Return the service behind the API."""
    panel: Panel = request.app.state.panel
    return panel


PanelDependency = Annotated[Panel, Depends(get_panel)]


async def get_caller(
    request: Request,
    panel: PanelDependency,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Return who is asking, by the token."""
    async with panel.database.transaction() as tx:
        token = credentials.credentials if credentials else None
        caller = await panel.access.authenticate(tx, token)
    setattr(request.state, KNOWN, True)
    address = request.client.host if request.client else None
    setattr(request.state, TOKEN, token)
    return caller.seen_at(address, request.scope.get("state", {}).get(REQUEST_ID))


CallerDependency = Annotated[Caller, Depends(get_caller)]


def get_id(text: str) -> str:
    """Return an id; what has not the form of one cannot exist.

    Raises:
        NotFoundError: it has another form.
    """
    if not ids.is_id(text):
        raise errors.NotFoundError("request.not_found", "There is nothing at this address.")
    return text


def get_page(
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many at most.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=64, description="`next` of the part before, as it is.")
    ] = None,
    before: Annotated[
        str | None, Query(max_length=64, deprecated=True, description="As `cursor`, formerly.")
    ] = None,
) -> Page:
    """Return which part of a list is wanted."""
    place = cursor or before
    if place is None or ids.is_id(place):
        return Page(limit, place)
    return Page(limit, cursors.decode(place))


PageDependency = Annotated[Page, Depends(get_page)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacing:
    """A request that replaces something, and which versions of it."""

    panel: Panel
    caller: Caller
    expected: Collection[int] | None


def get_replacing(
    panel: PanelDependency, caller: CallerDependency, expected: ExpectedDependency
) -> Replacing:
    """Return who would replace what; whoever is not signed in is told that first."""
    return Replacing(panel=panel, caller=caller, expected=expected)


ReplacingDependency = Annotated[Replacing, Depends(get_replacing)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="The same key within a day has its effect once and gets the same answer.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done, where it is to be found, and how that is answered."""

    status: int
    location: str
    body: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Does what a request asks for in one transaction, once per Idempotency-Key."""

    panel: Panel
    caller: Caller
    route: str
    key: str | None
    token: str = field(repr=False)

    async def answer(
        self, work: Callable[[Transaction], Awaitable[Done]], body: BaseModel | None = None
    ) -> JSONResponse:
        """Do the work, or repeat the answer that it got the first time."""
        async with self.panel.database.transaction() as tx:
            if self.key is None:
                return _response(_kept(await work(tx)))
            request = IdempotentRequest(
                credential=self.caller.credential,
                route=self.route,
                key=self.key,
                body_digest=self._digest(body),
            )
            known = await self.panel.idempotency.claim(tx, request)
            if known is not None:
                return _response(known, replayed=True)
            answer = _kept(await work(tx))
            await self.panel.idempotency.keep(tx, request, answer)
            return _response(answer)

    def _digest(self, body: BaseModel | None) -> bytes:
        shown = body.model_dump(mode="json") if body else None
        return digest_of(self.token, json.dumps(shown, sort_keys=True))


def get_once(
    request: Request,
    panel: PanelDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Once:
    """Return how to do what this request asks for once."""
    route = f"{request.method} {request.url.path}"
    token: str = getattr(request.state, TOKEN)
    return Once(panel=panel, caller=caller, route=route, key=idempotency_key, token=token)


OnceDependency = Annotated[Once, Depends(get_once)]


def _kept(done: Done) -> IdempotentAnswer:
    return IdempotentAnswer(
        status=done.status, location=done.location, body=done.body.model_dump(mode="json")
    )


def _response(answer: IdempotentAnswer, *, replayed: bool = False) -> JSONResponse:
    headers = {"Location": answer.location}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(answer.body, status_code=answer.status, headers=headers)
