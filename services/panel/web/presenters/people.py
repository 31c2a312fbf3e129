"""People, roles and tokens in words."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from babel import Locale

from ...domain.identity import Role, Scope
from .. import languages
from ..languages import N_
from ..languages import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ...domain.identity import Caller
    from ...domain.people import Membership, Person
    from ...domain.sessions import Session

ROLES: Final[Mapping[Role, str]] = {
    Role.OWNER: N_("Owner"),
    Role.EDITOR: N_("Editor"),
    Role.VIEWER: N_("Viewer"),
}
EXPLAINED: Final[Mapping[Role, str]] = {
    Role.OWNER: N_("Owners do everything, and say who else may."),
    Role.EDITOR: N_("Editors configure and deploy, back up and restore."),
    Role.VIEWER: N_("Viewers look, and change nothing."),
}
SCOPES: Final[Mapping[Scope, str]] = {
    Scope.READ: N_("See deployments and runs"),
    Scope.WRITE: N_("Configure, deploy and remove"),
    Scope.ACCESS: N_("Say who else may do what"),
    Scope.PROVIDER: N_("Act for the hosting provider"),
}
_BROWSERS: Final = (
    *(("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome")),
    *(("Safari/", "Safari"), ("curl/", "curl")),
)
_SYSTEMS: Final = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSession:
    """A session as its person recognises it."""

    id: str
    browser: str
    address: str | None
    created_at: datetime
    seen_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who acts for the operator."""

    id: str
    name: str
    email: str | None
    role: Role
    protection: str
    is_me: bool


def present_session(it: Session, caller: Caller) -> ShownSession:
    """Return how a session is shown to its person."""
    return ShownSession(
        id=it.id,
        browser=browser(it.agent or ""),
        address=it.address,
        created_at=it.created_at,
        seen_at=it.seen_at,
        is_current=it.id == caller.session,
    )


def present_member(person: Person, membership: Membership, caller: Caller) -> Member:
    """Return how a person is shown to others of the operator."""
    if person.has_second_factor:
        protection = N_("Password and app")
    else:
        protection = N_("Password") if person.has_password else N_("Sign-in links")
    return Member(
        id=person.id,
        name=person.name,
        email=person.email,
        role=membership.role,
        protection=protection,
        is_me=person.id == caller.person,
    )


def browser(agent: str) -> str:
    """Return what a browser calls itself, in a word or two."""
    name = next((shown for mark, shown in _BROWSERS if mark in agent), "")
    system = next((shown for mark, shown in _SYSTEMS if mark in agent), "")
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": name, "system": system}
    return name or system or _("Unknown browser")


def choices_of_role() -> Sequence[tuple[str, str, str]]:
    """Return the roles to choose from, the least powerful first."""
    return [(it.value, _(ROLES[it]), _(EXPLAINED[it])) for it in reversed(Role)]


def offered_scopes(caller: Caller) -> Sequence[tuple[str, str]]:
    """Return what a token of this person may be allowed to do."""
    return [(it.value, SCOPES[it]) for it in Scope if caller.allows(it)]


def offered_languages() -> Sequence[tuple[str, str]]:
    """Return the languages that there are, each in itself."""
    return [(it, str(Locale(it).get_display_name(it)).title()) for it in languages.offered()]


def offered_zones() -> Sequence[tuple[str, str]]:
    """Return the time zones to choose from: those that are called by a place."""
    found = sorted(it for it in zoneinfo.available_timezones() if "/" in it)
    return [(it, it.replace("_", " ")) for it in found if not it.startswith(("Etc/", "posix/"))]
