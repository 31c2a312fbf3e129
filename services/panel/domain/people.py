"""People: what they sign in with, and for which operators they act."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import errors

from .sentences import N_

if TYPE_CHECKING:
    from datetime import datetime

    from .identity import Role

LONGEST_EMAIL: Final = 254
LONGEST_NAME: Final = 100
# What is between the parts is for mail servers to judge; this tells an address from another text.
EMAIL: Final = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\\[\]]+\.[^\s@.]{1,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A login, and what proves who uses it."""

    id: str
    name: str
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    """Its hash."""
    password_set_at: datetime | None = None
    totp_secret: str | None = field(default=None, repr=False)
    """Sealed to panel; None without an app for codes."""
    totp_counter: int = 0
    is_provider: bool = False
    language: str | None = None
    time_zone: str | None = None

    @property
    def has_password(self) -> bool:
        """Whether this person chose a password."""
        return self.password is not None

    @property
    def has_second_factor(self) -> bool:
        """Whether signing in takes a code of an app as well."""
        return self.totp_secret is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """That a person acts for an operator."""

    person: str
    operator: str
    operator_name: str
    role: Role
    created_at: datetime


def read_email(text: str) -> str:
    """Return an e-mail address in the form in which it is kept and compared.

    Raises:
        InvalidError: it is none.
    """
    found = text.strip().lower()
    if len(found) > LONGEST_EMAIL or not EMAIL.fullmatch(found) or not found.isprintable():
        reason = "must be an e-mail address, such as robin@garden.example"
        raise errors.InvalidError(
            "person.email", f"The e-mail address {reason}.", details={"email": reason}
        )
    return found


def read_name(text: str) -> str:
    """Return a name as people wrote it, without what cannot be shown.

    Raises:
        InvalidError: nothing is left, or too much.
    """
    found = " ".join(text.split())
    if not found or len(found) > LONGEST_NAME or not found.isprintable():
        reason = f"must have between 1 and {LONGEST_NAME} characters"
        raise errors.InvalidError("person.name", f"The name {reason}.", details={"name": reason})
    return found


def read_time_zone(text: str) -> str | None:
    """Return a time zone of the IANA database; None for none.

    Raises:
        InvalidError: there is no such zone.
    """
    if not text:
        return None
    if text not in zoneinfo.available_timezones():
        message = N_("The time zone must be one of the list, such as Europe/Amsterdam.")
        raise errors.InvalidError("person.time_zone", message, details={"time_zone": message})
    return text
