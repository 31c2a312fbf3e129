"""Mails: a notification as a letter, in plain text and in HTML, and how often sending is tried."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from .sentences import N_, retell

if TYPE_CHECKING:
    from collections.abc import Callable

    from .notifications import Notification

SCHEDULE_SECONDS: Final = (0, 60, 300, 1800, 7200, 21600, 43200, 86400)
"""How long after the one before each attempt is made."""


class MailState(StrEnum):
    """How a mail stands."""

    WAITING = "waiting"
    """It will be handed to the relay."""
    SENT = "sent"
    """The relay took it."""
    FAILED = "failed"
    """It was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailErrand:
    """A mail in the hands of one courier."""

    id: str
    attempt: int
    """How often it was begun."""
    state: MailState = MailState.WAITING
    next_at: datetime | None = None
    reason: str = ""
    address: str | None
    """None: the person has no address any more."""
    is_member: bool = True
    """Whether the person still acts for the operator."""
    person_name: str
    language: str | None = None
    """What the person reads; None: nothing was chosen."""
    operator: str
    operator_name: str
    notification: Notification

    def sent(self) -> MailErrand:
        """Return the errand as the relay has taken the mail."""
        return replace(self, state=MailState.SENT, next_at=None, reason="")

    def failed(self, reason: str) -> MailErrand:
        """Return the errand as given up."""
        return replace(self, state=MailState.FAILED, next_at=None, reason=reason)

    def postponed(self, reason: str, now: datetime) -> MailErrand:
        """Return the errand to be tried again, or given up when that was the last time."""
        if self.attempt >= len(SCHEDULE_SECONDS):
            return self.failed(reason)
        pause = timedelta(seconds=SCHEDULE_SECONDS[self.attempt])
        return replace(self, next_at=now + pause, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A letter that is ready to go."""

    message_id: str
    to: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Who writes, and where the panel is."""

    provider: str
    panel_url: str
    panel_host: str

    def write(self, errand: MailErrand, to: str, translate: Callable[[str], str]) -> Mail:
        """Return the letter about a notification."""
        told = errand.notification
        title = told.title(translate)
        values = {
            "title": title,
            "name": errand.person_name,
            "operator": errand.operator_name,
            "provider": self.provider,
            "url": f"{self.panel_url}/for/{errand.operator}?next={quote(told.page, safe='/')}",
            "settings": f"{self.panel_url}/account/notifications",
            "language": errand.language or "en",
        }
        words = (told.why(translate), retell(told.left, translate), retell(told.next, translate))
        said = [it for it in words if it]
        footer = translate(_FOOTER).format(**values)
        lines = [title + ".", *said, values["url"], f"-- \n{footer}\n{values['settings']}"]
        return Mail(
            message_id=f"<{errand.id}@{self.panel_host}>",
            to=to,
            subject=" ".join(f"[{self.provider}] {title}".split()),
            text="\n\n".join(lines) + "\n",
            html=_page(values | {"footer": footer, "open": translate(_OPEN)}, said),
        )


def _page(values: dict[str, str], said: list[str]) -> str:
    shown = {name: html.escape(it) for name, it in values.items()}
    shown["said"] = "".join(f"<p>{html.escape(it)}</p>" for it in said)
    return _HTML.format(**shown)


_OPEN: Final = N_("Open in the panel")
_FOOTER: Final = N_(
    "{provider} sends this because you act for {operator}. Choose what you are told here:"
)
_HTML: Final = """\
<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: system-ui, sans-serif; line-height: 1.5; max-width: 36em; margin: 1em">
<h1 style="font-size: 1.25em">{title}</h1>
{said}
<p><a href="{url}">{open}</a></p>
<p style="color: #595959; font-size: 0.875em">{footer} <a href="{settings}">{settings}</a></p>
</body></html>
"""
