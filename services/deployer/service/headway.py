"""How far a machine is with an application's state, told to those who watch the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared import jobs

    from ..domain import Headway
    from ..ports import Told

CARRYING: Final = (900.0, 12 * 3600.0)
"""Patience and margin in seconds of a step that carries state: machines, databases and stores may
be away in the middle of it; what is carried may be large, and what is lost is noticed elsewhere."""


def teller(job: jobs.Job, application: str) -> Told:
    """Return what reports for an application, with a line for everything new."""
    begun: set[str] = set()

    async def tell(headway: Headway) -> None:
        lines = [] if headway.what in begun else [f"{application}: {headway.what}"]
        begun.add(headway.what)
        await job.report(*lines, done=headway.done, total=headway.total, unit=headway.unit)

    return tell
