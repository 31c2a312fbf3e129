"""Do the same with every machine at once, and let all of them finish."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from shared import jobs

from ..domain import RebootedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

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
    try:
        return await finished({it.machine: do(it) for it in machines})
    except RebootedError as error:
        raise jobs.ReenterError(AFTER_BOOT) from error


async def finished(work: Mapping[str, Awaitable[T]]) -> dict[str, T]:
    """Return what came of each piece of work; the first failure is raised when all have ended."""
    results = await asyncio.gather(*work.values(), return_exceptions=True)
    found: dict[str, T] = {}
    for name, result in zip(work, results, strict=True):
        if isinstance(result, BaseException):
            raise result
        found[name] = result
    return found
