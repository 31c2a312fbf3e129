"""Refusals that say more than that something is not possible: what to look at, or when to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import errors

from .sentences import N_, say

if TYPE_CHECKING:
    from collections.abc import Collection


_STALE: Final = {
    "configuration": N_(
        "The configuration was changed since you looked at it: it is version {current} now. "
        "Nothing was changed. Look at it again, and decide anew."
    ),
    "endpoint": N_(
        "The endpoint was changed since you looked at it: it is version {current} now. Nothing "
        "was changed. Look at it again, and decide anew."
    ),
}


class StaleError(errors.ConflictError):
    """It was changed since it was looked at."""

    def __init__(self, code: str, message: str, *, current: int) -> None:
        super().__init__(code, message)
        self.current = current
        """The version that it has now."""


class UnconditionalError(errors.InvalidError):
    """The request does not say which version it would replace."""


class StillRunningError(errors.ConflictError):
    """The same request is being answered at this moment."""


class TooManyAtOnceError(errors.QuotaExceededError):
    """As much of this goes on at the same time as may; a moment later there may be room."""


def require_expected(
    current: int, expected: Collection[int] | None, *, what: str = "configuration"
) -> None:
    """Check that what is to be replaced is what was looked at.

    Args:
        current: the version that there is.
        expected: the versions that may be replaced; None for any.
        what: what it is.

    Raises:
        StaleError: it is another version by now.
    """
    if expected is not None and current not in expected:
        raise StaleError(
            f"{what}.stale",
            say(_STALE[what], current=current),
            current=current,
        )
