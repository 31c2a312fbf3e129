"""The desk: what it takes to answer somebody who need not be signed in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from ..domain.sessions import Client
from ..service.panel import Panel
from ..service.sessions import Begun
from .dependencies import PagesDependency, PanelDependency, see_other
from .places import own_path
from .presenters.refusals import NONE, Refusal
from .rendering import Pages
from .visitors import ClientDependency, remember


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A request, where it comes from, and what answers it."""

    request: Request
    panel: Panel
    pages: Pages
    client: Client

    def show(self, name: str, refusal: Refusal = NONE, **values: object) -> Response:
        """Answer with a page: a form, and why it was refused, if it was."""
        answer = self.pages.answer(self.request, name, refusal.status, refusal=refusal, **values)
        if refusal.seconds:
            answer.headers["Retry-After"] = str(refusal.seconds)
        return answer

    def welcome(self, begun: Begun, goal: str) -> RedirectResponse:
        """Give the browser its session, and lead on."""
        answer = see_other(own_path(goal))
        remember(answer, begun.code)
        return answer


async def get_desk(
    request: Request, panel: PanelDependency, pages: PagesDependency, client: ClientDependency
) -> Desk:
    """Return what it takes to answer a request."""
    return Desk(request=request, panel=panel, pages=pages, client=client)


DeskDependency = Annotated[Desk, Depends(get_desk)]
