"""What the pages share: the panel behind them, which part of a list, and doing things once."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Protocol, TypeVar

from fastapi import Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator

from shared import clock, errors, ids
from shared.database import Transaction

from ..domain.identity import Caller, Scope
from ..domain.records import IdempotentAnswer, IdempotentRequest, Page, digest_of
from ..service.panel import Panel
from .rendering import Pages
from .visitors import COOKIE, RecentDependency, VisitorDependency

ITEMS: Final = 25
SEE_OTHER: Final = 303
KEY_FIELD: Final = "key"
Made = TypeVar("Made")


async def get_panel(request: Request) -> Panel:
    """Return the service behind the pages."""
    panel: Panel = request.app.state.panel
    return panel


def pages_of(request: Request) -> Pages:
    """Return the templates."""
    pages: Pages = request.app.state.pages
    return pages


async def get_pages(request: Request) -> Pages:
    """Return the templates."""
    return pages_of(request)


def get_id(text: str) -> str:
    """Return an id; what has not the form of one cannot exist.

    Raises:
        NotFoundError: it has another form.
    """
    if not ids.is_id(text):
        raise errors.NotFoundError("request.not_found", "There is nothing at this address.")
    return text


async def get_page(before: Annotated[str, Query()] = "") -> Page:
    """Return which part of a list is wanted; one more than is shown says whether there is more."""
    return Page(ITEMS + 1, before if ids.is_id(before) else None)


PanelDependency = Annotated[Panel, Depends(get_panel)]
PagesDependency = Annotated[Pages, Depends(get_pages)]
PageDependency = Annotated[Page, Depends(get_page)]


class Identified(Protocol):
    """What has an id."""

    @property
    def id(self) -> str:
        """The id, by which lists are cut."""
        ...


def older(found: Sequence[Identified]) -> str | None:
    """Return where the next part of a list begins, or None at its end."""
    return found[ITEMS - 1].id if len(found) > ITEMS else None


def see_other(location: str) -> RedirectResponse:
    """Answer a form: what became of it is on another page."""
    return RedirectResponse(location, status_code=SEE_OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Does what a form asks for in one transaction, once per key that the form carries."""

    panel: Panel
    caller: Caller
    route: str
    key: str
    digest: bytes

    async def go(self, work: Callable[[Transaction], Awaitable[str]]) -> RedirectResponse:
        """Do the work and lead to the page it returns, or to where the first time led."""

        async def lead(tx: Transaction) -> tuple[str, None]:
            return await work(tx), None

        location, _ = await self.make(lead)
        return see_other(location)

    async def make(
        self, work: Callable[[Transaction], Awaitable[tuple[str, Made]]]
    ) -> tuple[str, Made | None]:
        """Return the page that the work leads to, and what it made: None after the first time."""
        async with self.panel.database.transaction() as tx:
            if not self.key:
                return await work(tx)
            request = IdempotentRequest(
                credential=self.caller.credential,
                route=self.route,
                key=self.key,
                body_digest=self.digest,
            )
            known = await self.panel.idempotency.claim(tx, request)
            if known is not None:
                return known.location, None
            location, made = await work(tx)
            answer = IdempotentAnswer(status=SEE_OTHER, location=location, body=None)
            await self.panel.idempotency.keep(tx, request, answer)
            return location, made


async def get_once(request: Request, panel: PanelDependency, visitor: VisitorDependency) -> Once:
    """Return how to do what the form in this request asks for once."""
    form = await request.form()
    key = str(form.get(KEY_FIELD, ""))
    fields = sorted((name, value) for name, value in form.multi_items() if isinstance(value, str))
    return Once(
        panel=panel,
        caller=visitor.caller,
        route=f"{request.method} {request.url.path}",
        key=key if ids.is_id(key) else "",
        digest=digest_of(request.cookies[COOKIE], json.dumps(fields)),
    )


OnceDependency = Annotated[Once, Depends(get_once)]


Id = Annotated[str, AfterValidator(get_id), Path()]
"""An id in the address of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request of somebody who is signed in, with what it takes to answer it."""

    request: Request
    panel: Panel
    pages: Pages
    caller: Caller
    now: datetime

    def show(self, name: str, status: int = 200, **values: object) -> Response:
        """Answer with a page."""
        return self.pages.answer(
            self.request,
            name,
            status,
            now=self.now,
            may_change=self.caller.allows(Scope.WRITE),
            **values,
        )


async def get_asking(
    request: Request, panel: PanelDependency, visitor: VisitorDependency
) -> Asking:
    """Return who asks, and what it takes to answer."""
    return Asking(
        request=request,
        panel=panel,
        pages=pages_of(request),
        caller=visitor.caller,
        now=clock.system.now(),
    )


AskingDependency = Annotated[Asking, Depends(get_asking)]


async def get_proven(asking: AskingDependency, _: RecentDependency) -> Asking:
    """Return who asks, if that was proved a moment ago."""
    return asking


ProvenDependency = Annotated[Asking, Depends(get_proven)]
