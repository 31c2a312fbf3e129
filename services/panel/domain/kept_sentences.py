"""Sentences that are kept as text, and said in other languages when they are read again.

What came of a delivery and why an endpoint was switched off is kept in plain English, as the API
tells it; a sentence with values in it is known again by its template.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from .sentences import N_, say, together

NOTHING_ARRIVES: Final = N_("Nothing could be delivered for {days} days. {answer}")
NOT_SENT: Final = N_("It was not sent: the endpoint is disabled. {why}")
ANSWERED: Final = N_("It answered {status}.")
LED_ELSEWHERE: Final = N_("It answered {status}, which leads elsewhere: give the final URL.")
TOO_SLOW: Final = N_("It did not answer within {seconds} s.")
NO_TLS: Final = N_("TLS failed: {reason}.")
BAD_CERTIFICATE: Final = N_("It could not be connected to: its certificate is not good ({reason}).")
BROKEN: Final = N_("The connection broke ({reason}).")
TEMPLATES: Final = (
    *(NOTHING_ARRIVES, NOT_SENT, LED_ELSEWHERE, ANSWERED),
    *(TOO_SLOW, NO_TLS, BAD_CERTIFICATE, BROKEN),
)
_PLACE: Final = re.compile(r"\{(\w+)\}")
_SENTENCES: Final = frozenset({"answer", "why"})
"""The values that are sentences themselves."""


def recalled(text: str) -> str:
    """Return a kept sentence as it was said; what nobody knows again stays text."""
    for template in TEMPLATES:
        found = _pattern(template).fullmatch(text)
        if found is not None:
            values = found.groupdict()
            return say(template, **{name: _value(name, it) for name, it in values.items()})
    return text


def _value(name: str, text: str) -> str:
    return together([recalled(text)]) if name in _SENTENCES else text


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)
    told = "".join(
        f"(?P<{it}>.*)" if number % 2 else re.escape(it) for number, it in enumerate(parts)
    )
    return re.compile(told, re.DOTALL)
