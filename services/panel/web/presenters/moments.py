"""Moments and durations in words, in the language and by the clock of whoever reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from babel import dates

from ..languages import gettext as _
from ..languages import ngettext, spoken

MINUTE: Final = 60
HOUR: Final = 3600
NOW_SECONDS: Final = 10
_MOMENTS: Final = {"de": "d. MMM y, HH:mm"}
"""Where a moment is not written as in English: the day of German is an ordinal number."""


def moment(at: datetime) -> str:
    """Return day and time of a moment, such as "21 Nov 2026, 10:30"."""
    tongue = spoken()
    pattern = _MOMENTS.get(tongue.language, "d MMM y, HH:mm")
    return dates.format_datetime(at, pattern, tzinfo=tongue.zone, locale=tongue.language)


def hour(at: datetime) -> str:
    """Return the time of day of a moment, to the second."""
    tongue = spoken()
    return dates.format_time(at, "HH:mm:ss", tzinfo=tongue.zone, locale=tongue.language)


def day(at: datetime | str) -> str:
    """Return the day of a moment, such as "21 November 2026"; text is read as ISO 8601."""
    tongue = spoken()
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    local = found.astimezone(tongue.zone)
    return dates.format_date(local, "long", locale=tongue.language)


def iso(at: datetime) -> str:
    """Return a moment for programs."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago a moment was, such as "3 minutes ago"."""
    passed = now - at
    if abs(passed.total_seconds()) < NOW_SECONDS:
        return _("just now")
    return dates.format_timedelta(
        -passed if passed > timedelta() else abs(passed),
        add_direction=True,
        threshold=1.2,
        locale=spoken().language,
    )


def duration(seconds: float) -> str:
    """Return how long something took, such as "42 s" or "1 min 5 s"."""
    whole = round(seconds)
    if seconds < 1:
        return _("under 1 s")
    if whole < MINUTE:
        return _("%(seconds)s s") % {"seconds": whole}
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        if not rest:
            return _("%(minutes)s min") % {"minutes": minutes}
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    hours, rest = divmod(whole, HOUR)
    return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": rest // MINUTE}


def expectation(seconds: float) -> str:
    """Return how long something usually takes, roughly, such as "about 2 min"."""
    if seconds < NOW_SECONDS:
        return _("a few seconds")
    if seconds < MINUTE:
        tens = round(seconds / 10) * 10
        return _("about %(seconds)s s") % {"seconds": tens}
    minutes = round(seconds / MINUTE)
    return ngettext("about %(minutes)s min", "about %(minutes)s min", minutes) % {
        "minutes": minutes
    }
