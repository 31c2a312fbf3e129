"""Languages: which one a request is answered in, and how sentences and times are said in it.

Sentences are written in English and are their own keys: `_("Deploy")` where they are said,
`N_("Deploy")` where they only lie until a template says them, and `retell(…)` for what the domain
said. A language is offered as soon as `locales/<language>/LC_MESSAGES/panel.po` exists.
"""

from __future__ import annotations

import gettext as catalogues
import io
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.datastructures import Headers

from ..domain import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

LOCALES: Final = Path(__file__).parent / "locales"
DOMAIN: Final = "panel"
ENGLISH: Final = "en"
COOKIE: Final = "language"
UTC: Final = ZoneInfo("UTC")
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})


@dataclass(frozen=True, slots=True)
class Tongue:
    """How a request is answered: in which language, and by which clock."""

    language: str = ENGLISH
    zone: ZoneInfo = UTC

    @property
    def direction(self) -> str:
        """Where its lines begin, as HTML calls it."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"


_spoken: ContextVar[Tongue] = ContextVar("tongue", default=Tongue())  # noqa: B039 - it is frozen


def spoken() -> Tongue:
    """Return how the request at hand is answered."""
    return _spoken.get()


def speak(tongue: Tongue) -> None:
    """Answer the request at hand like this, from here on."""
    _spoken.set(tongue)


def personal(language: str | None, zone: str | None) -> Tongue:
    """Return how a person wants to be answered; where nothing was chosen, as so far."""
    chosen = language if language in offered() else None
    return Tongue(
        language=chosen or spoken().language, zone=ZoneInfo(zone) if zone else spoken().zone
    )


def gettext(message: str) -> str:
    """Return a sentence in the language of the request at hand."""
    return _catalogue(spoken().language).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the form of a sentence that fits a number, in the language of the request."""
    return _catalogue(spoken().language).ngettext(singular, plural, number)


_ = gettext


def retell(text: str) -> str:
    """Return what the domain said in English in the language of the request at hand."""
    return sentences.retell(text, gettext)


def translator(language: str | None) -> Callable[[str], str]:
    """Return what says sentences in a language, for letters that no request asked for."""
    return _catalogue(language if language in offered() else ENGLISH).gettext


N_ = sentences.N_


@cache
def offered() -> tuple[str, ...]:
    """Return the languages that there are, English first."""
    found = {path.parts[-3] for path in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")}
    return (ENGLISH, *sorted(found - {ENGLISH}))


def choose(wishes: str, languages: Sequence[str]) -> str:
    """Return the language that an Accept-Language header likes best of those that there are."""
    liked: list[tuple[float, str]] = []
    for place, wish in enumerate(wishes.split(",")[:20]):
        name, _, weight = wish.strip().partition(";q=")
        language = name.partition("-")[0].lower()
        if language in languages:
            liked.append((_weight(weight) - place / 1000, language))
    return max(liked, default=(0.0, ENGLISH))[1]


class Speaking:
    """Answers each request in the language that its cookie or its browser asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            chosen = _chosen(headers.get("cookie", ""))
            wished = chosen if chosen in offered() else ""
            language = wished or choose(headers.get("accept-language", ""), offered())
            speak(Tongue(language=language))
        await self._app(scope, receive, send)


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    if language == ENGLISH:
        return catalogues.NullTranslations()
    with (LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        found = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return catalogues.GNUTranslations(compiled)


def _weight(text: str) -> float:
    try:
        return float(text or "1")
    except ValueError:
        return 0.0


def _chosen(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
