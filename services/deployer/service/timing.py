"""How long deployer waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds for everything that has an end."""

    health: float = 60.0
    """For applications to become healthy after a switch."""
    confirmation: float = 20.0
    """For a fresh connection to a machine that was switched."""
    watchdog: int = 120
    """Until a machine takes an unconfirmed switch back; longer than deployer is ever away."""
    between_questions: float = 0.05
    between_looks: float = 2.0
    between_examinations: float = 5.0
    """Between two looks at the health of the same applications."""
    cancellation: float = 30.0
    """For others to answer a cancelled run before deployer does."""
