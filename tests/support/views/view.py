"""Views: every page of the panel in every state that it has, as data.

View("run-failed", "/runs/{run-failed}") is opened, View("remove-wrong", …, form={…}) is sent. The
places in braces are filled in from a stage, on which everything stands that can be seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.support.visitors import SignedIn

    Form = Mapping[str, str | Sequence[str]]

NOBODY: Final = "nobody"
OWNER: Final = "owner"
NEWCOMER: Final = "newcomer"
"""Somebody whose operator has nothing yet."""
VIEWER: Final = "viewer"
WAYS: Final = frozenset(
    {
        "GET /account",  # leads to the profile
        "GET /drafts/{draft}",  # leads to where it is gone on with
        "GET /people/invitations",  # leads to the form for one
        "GET /activity/export",  # a file
        "GET /provider/activity/export",  # a file
        "GET /runs/{run}/report",  # a file
        "GET /runs/{run}/live",  # a stream
    }
)
"""What shows no page of its own."""
BARE: Final = r"{\1}"
_PLACE: Final = re.compile(r"\{([a-z_]+)(?:-[a-z-]+)?\}")


@dataclass(frozen=True, slots=True)
class View:
    """One page in one state."""

    name: str
    address: str
    """With places in braces: `{run}`, or `{run-failed}` where a stage has several."""
    form: Form | None = None
    """What is sent there; None: it is only opened."""
    status: int = 200
    who: str = OWNER
    leads_to: str = ""
    """The page that is shown in the end, where a form leads to another one."""
    media: str = "application/x-www-form-urlencoded"

    @property
    def route(self) -> str:
        """The page as the route table has it."""
        path = self.leads_to or self.address.partition("?")[0]
        method = "GET" if self.form is None or self.leads_to else "POST"
        return f"{method} {_PLACE.sub(BARE, path)}"


@dataclass(slots=True)
class Stage:
    """Who looks, and what there is to be seen, by the names that views have for it."""

    people: dict[str, SignedIn | None] = field(default_factory=lambda: {NOBODY: None})
    places: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """Return a text of a view with its places filled in."""
        return text.format_map(self.places)


def unseen(routes: Iterable[str], views: Iterable[View]) -> set[str]:
    """Return the pages among these routes that no view shows."""
    shown = {it.route for it in views}
    return {it for it in routes if it.startswith("GET ")} - shown - WAYS
