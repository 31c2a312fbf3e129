"""Formats: what the named forms of texts in a schema of options mean, in full and without I/O."""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from jsonschema import FormatChecker

NAMES: Final = ("date", "email", "hostname", "password", "uri")
"""The formats that options may have; `password` says how a text is entered, not what it is."""
LONGEST_HOSTNAME: Final = 253
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

checker: Final = FormatChecker(formats=())


@checker.checks("email")
def _is_email(value: object) -> bool:
    return not isinstance(value, str) or _MAIL.fullmatch(value) is not None


@checker.checks("hostname")
def _is_hostname(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return len(value) <= LONGEST_HOSTNAME and all(
        _LABEL.fullmatch(it) is not None for it in value.split(".")
    )


@checker.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return _DATE.fullmatch(value) is not None and bool(date.fromisoformat(value))


@checker.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    if not isinstance(value, str):
        return True
    parts = urlsplit(value)
    is_clean = not any(it.isspace() for it in value)
    return is_clean and parts.scheme in {"http", "https"} and bool(parts.hostname)
