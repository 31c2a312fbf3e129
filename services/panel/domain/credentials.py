"""First credentials: how operators sign in to applications for the first time, told once."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared import errors

from .sentences import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user of an application, and the password until it was revealed."""

    application: str
    user: str
    sealed_password: str | None = field(repr=False)
    """Sealed to panel; None once it was revealed."""

    @property
    def is_revealed(self) -> bool:
        """Whether the password was revealed, and is kept here no longer."""
        return self.sealed_password is None

    def require_sealed(self) -> str:
        """Return the sealed password.

        Raises:
            ConflictError: it was revealed before.
        """
        if self.sealed_password is None:
            raise errors.ConflictError(
                "credential.revealed",
                say(
                    "The first password of {application} was revealed before, and it is shown only "
                    "once. If nobody wrote it down, the hosting provider can still find it out.",
                    application=self.application,
                ),
            )
        return self.sealed_password
