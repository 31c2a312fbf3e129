"""Progress: what a run is doing right now; losing it may cost lines, never the end of a step.

subject   progress.<deployment>.<run>
"""

from __future__ import annotations

from enum import StrEnum

from .messages import Value


class StepState(StrEnum):
    """How a step of a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRYING = "retrying"


class Progress(Value):
    """One report about one step of a run."""

    deployment: str
    run: str
    service: str
    step: str
    state: StepState
    attempt: int = 1
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    lines: tuple[str, ...] = ()
    """At most 100 lines of log."""
    at: str
    """RFC 3339, UTC."""

    @property
    def subject(self) -> str:
        """The NATS subject of this report."""
        return f"progress.{self.deployment}.{self.run}"
