"""The shell: what stands around the content of every page, and depends on who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .languages import N_

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a menu."""

    text: str
    """In English; the layout says it in the language of the page."""
    href: str
    icon: str
    also: str = ""
    """Another address whose pages belong to it."""

    def is_current(self, path: str) -> bool:
        """Say whether a page belongs to this entry."""
        return any(path == it or path.startswith(f"{it}/") for it in (self.href, self.also) if it)


NAVIGATION: Final = (
    Entry(N_("Deployments"), "/deployments", "server", also="/drafts"),
    Entry(N_("Applications"), "/applications", "layout-grid"),
    Entry(N_("Domains"), "/domains", "globe"),
    Entry(N_("Backups"), "/backups", "archive"),
    Entry(N_("Runs"), "/runs", "history"),
    Entry(N_("Activity"), "/activity", "list"),
)
"""The main menu."""
DEPLOYMENT: Final = (
    Entry(N_("Overview"), "", "server"),
    Entry(N_("Configuration"), "/configuration", "settings", also="/revisions"),
    Entry(N_("Runs"), "/runs", "history"),
    Entry(N_("Backups"), "/backups", "archive"),
)
"""The pages of one deployment; addresses continue that of the deployment."""
ACCOUNT: Final[tuple[Entry, ...]] = (
    Entry(N_("People"), "/people", "users"),
    Entry(N_("Your account"), "/account/profile", "user"),
    Entry(N_("Security"), "/account/security", "shield-check"),
    Entry(N_("API tokens"), "/account/tokens", "key-round"),
    Entry(N_("Notifications"), "/account/notifications", "bell"),
    Entry(N_("Webhooks"), "/settings/webhooks", "webhook"),
)
"""The menu of whoever is signed in."""
PROVIDER: Final = (Entry(N_("Provider"), "/provider", "building-2"),)
"""What only the hosting provider's people see in the main menu."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is the same for everybody."""

    provider: str
    """Name of the hosting provider."""
    notice: Callable[[], str] = str
    """What the hosting provider tells everybody now; empty for nothing."""
    title_of: Callable[[str], str] = str
    """What people call an application, by its name in the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Who looks at a page, as far as the page's surroundings show it."""

    person: str = ""
    """Empty: nobody is signed in."""
    operator: str = ""
    is_provider: bool = False
    unread: int = 0
    """Notifications that were not read yet."""
    banner: str = ""
    """What the hosting provider wants everybody to know."""


def surround(request: Request, shell: Shell) -> None:
    """Let the page that answers a request be surrounded by this."""
    request.state.shell = shell


def surrounding(request: Request) -> Shell:
    """Return what surrounds the page that answers a request."""
    found: Shell = getattr(request.state, "shell", Shell())
    return found
