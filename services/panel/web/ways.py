"""Ways back: the page that an address belongs to, where a browser cannot stay at that address.

A form is answered at the address that it was sent to: with a question, or with the form again and
its mistakes. A browser may ask for that address later, after a proof of who it is or in another
language; nothing is shown there then, and the page above it is the way back. Whoever leaves the
question for a proof goes back to the nearest page that asks for none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fastapi.routing import APIRoute

from .places import HOME
from .visitors import get_recent

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from fastapi import APIRouter
    from fastapi.dependencies.models import Dependant
    from starlette.requests import Request

LOOKING: Final = "GET"
# What shows nothing itself, and where that is which stands below it.
INSTEAD: Final = {"/account": "/account/security"}


@dataclass(frozen=True, slots=True)
class _Page:
    """One page, by the addresses that it has."""

    pattern: re.Pattern[str]
    needs_proof: bool


class Ways:
    """Where each address of the pages leads back to."""

    def __init__(self, routers: Sequence[APIRouter]) -> None:
        self._pages = [
            _Page(route.path_regex, _asks_for(route.dependant, get_recent))
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute) and LOOKING in (route.methods or ())
        ]

    def above(self, path: str) -> str | None:
        """Return the page above an address; None where nothing but the beginning is."""
        return next((it for it in _parents(path) if self._find(it) is not None), None)

    def before(self, goal: str) -> str:
        """Return the page nearest to a goal that asks for no fresh proof of who it is."""
        path = goal.partition("?")[0]
        if self._is_open(path):
            return goal
        return next((it for it in _parents(path) if self._is_open(it)), HOME)

    def _is_open(self, path: str) -> bool:
        found = self._find(path)
        return found is not None and not found.needs_proof

    def _find(self, path: str) -> _Page | None:
        return next((it for it in self._pages if it.pattern.match(path)), None)


def ways_of(request: Request) -> Ways:
    """Return the ways back of the pages that a request is for."""
    ways: Ways = request.app.state.ways
    return ways


def _parents(path: str) -> Iterator[str]:
    """Yield the addresses above one, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield INSTEAD.get(path, path)


def _asks_for(dependant: Dependant, wanted: object) -> bool:
    return any(it.call is wanted or _asks_for(it, wanted) for it in dependant.dependencies)
