"""Dead letters: messages that a service could not handle, waiting for the provider's decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from shared import errors

from .sentences import say

if TYPE_CHECKING:
    from datetime import datetime

    from .runs import Run


COUNT_ALWAYS: Final = frozenset({"ConfigDeployed", "VMRemoved", "StorageRemoved", "SystemRemoved"})
"""Panel keeps first passwords and receipts from them, however their run has ended."""


class LetterState(StrEnum):
    """What became of a dead letter."""

    WAITING = "waiting"
    """Nobody has decided yet."""
    REPLAYED = "replayed"
    """It was handed to its service again; should that fail, it waits again."""
    DISCARDED = "discarded"
    """It was given up, and the run it belongs to with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that a service could not handle."""

    id: str
    service: str
    deployment: str
    run: str | None
    message: str
    event: str
    reason: str
    state: LetterState
    announced_at: datetime
    decided_at: datetime | None = None
    headers: dict[str, str] | None = None
    """Only of panel's own: what came with the message."""
    payload: str | None = None
    """Only of panel's own: the message itself, as text."""

    @property
    def _counts_always(self) -> bool:
        return self.service == "panel" and self.event in COUNT_ALWAYS

    def require_waiting(self) -> None:
        """Raise ConflictError when it was decided already."""
        if self.state is LetterState.DISCARDED:
            raise errors.ConflictError("dead_letter.discarded", "This message was discarded.")

    def require_replayable(self, run: Run | None) -> None:
        """Raise ConflictError when handling it again could have no effect any more."""
        if run is not None and run.state.has_ended and not self._counts_always:
            raise errors.ConflictError(
                "dead_letter.run_ended",
                say(
                    "The run of this message has ended ({state}): handling it again would have no "
                    "effect. Discard it; retry the run to try again what failed.",
                    state=run.state.value,
                ),
            )
