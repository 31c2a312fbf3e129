"""What every service states under its own name."""

from __future__ import annotations

from typing import ClassVar

from .messages import ANY_SERVICE, Event


class MessageDeadLettered(Event):
    """A message could not be handled and waits for a decision."""

    owner: ClassVar[str] = ANY_SERVICE

    service: str
    dead_letter: str
    message: str
    """Id of the message that could not be handled, or that led to a job that cannot end."""
    event: str
    """Name of the event in it, empty when that could not be read; `job` and a kind for a job."""
    reason: str
    run: str | None = None
