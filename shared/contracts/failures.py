"""How a failure crosses the bus."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from .messages import Value


class Outcome(StrEnum):
    """The state that a failed run left things in."""

    UNCHANGED = "unchanged"
    """Nothing that was there before is different."""
    ROLLED_BACK = "rolled_back"
    """Something was changed and then put back; the earlier configuration runs."""
    PARTIAL = "partial"
    """Some of it exists; a retry continues there, a removal cleans up."""
    ROLLBACK_FAILED = "rollback_failed"
    """It was changed and could not be put back; a person has to look."""


class Failure(Value):
    """What went wrong, in words that a person can act on."""

    code: str
    """Stable and searchable, such as `machine.disk_full`."""
    message: str
    retryable: bool
    details: dict[str, str] = Field(default_factory=dict)
