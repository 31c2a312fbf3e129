"""Do the same with every machine at once, and let all of them finish."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from shared import jobs

from ..domain import RebootedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.contracts.deployments import GrantedMachine

T = TypeVar("T")
AFTER_BOOT = "copy"
"""The step at which a job goes on when a machine has booted again."""


async def each(
    machines: Sequence[GrantedMachine], do: Callable[[GrantedMachine], Awaitable[T]]
) -> dict[str, T]:
    """Return what came of each machine; the first failure is raised when all have ended.

    Raises:
        ReenterError: a machine has booted meanwhile.
    """
    results = await asyncio.gather(*(do(it) for it in machines), return_exceptions=True)
    found: dict[str, T] = {}
    for machine, result in zip(machines, results, strict=True):
        if isinstance(result, RebootedError):
            raise jobs.ReenterError(AFTER_BOOT) from result
        if isinstance(result, BaseException):
            raise result
        found[machine.machine] = result
    return found
