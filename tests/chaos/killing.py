"""Kill a part of a running provider while a step is being done."""

from __future__ import annotations

import contextlib
import os
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2

from shared.embedded import identity
from tests.chaos.cells import QEMU
from tests.support import world
from tests.support.eventually import eventually
from tests.support.stack import ENDED

if TYPE_CHECKING:
    from tests.support.stack import Stack


async def kill(stack: Stack, victim: str, deployment: str, run: str) -> None:
    """Kill a part, see that it is gone and that the run had not ended before."""
    process = victim_of(stack, victim, deployment)
    at = datetime.now(UTC)
    os.kill(process.pid, signal.SIGKILL)
    assert await process.is_gone(within=30)
    await assert_ran(stack, run, at)


def is_there(stack: Stack, name: str, deployment: str) -> bool:
    """Say whether a part, or the deployment's machine, runs."""
    return _process(stack, name, deployment) is not None


def victim_of(stack: Stack, name: str, deployment: str) -> identity.Identity:
    """Return the process of a part, or of the deployment's machine."""
    found = _process(stack, name, deployment)
    assert found is not None, f"{name} does not run"
    return found


def _process(stack: Stack, name: str, deployment: str) -> identity.Identity | None:
    pids = world.machines(f"fdv-{deployment}-") if name == QEMU else [stack.pid(name)]
    return identity.of(pids[0]) if pids and pids[0] else None


async def assert_ran(stack: Stack, run: str, at: datetime) -> None:
    """Wait until the panel answers, and see that the run had not ended at that moment."""
    found: list[dict[str, Any]] = []

    async def answers() -> bool:
        # What was killed may be what stands between us and the panel.
        with contextlib.suppress(httpx2.TransportError):
            response = await stack.ask("GET", f"/runs/{run}")
            if response.is_success:
                found.append(response.json())
        return bool(found)

    await eventually(answers, within=300)
    if found[0]["state"] in ENDED:
        # It may have ended since, as when its last step was being done.
        ended = datetime.fromisoformat(found[0]["ended_at"])
        assert ended > at, f"the run had ended already: {found[0]['state']}"
