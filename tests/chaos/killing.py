"""Kill a part of a running provider while a step is being done."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from shared.embedded import identity
from tests.chaos.cells import QEMU
from tests.support import world
from tests.support.eventually import eventually
from tests.support.stack import ENDED

if TYPE_CHECKING:
    from tests.support.stack import Stack


async def kill(stack: Stack, victim: str, deployment: str, run: str) -> None:
    """Kill a part, see that it is gone and that the run has not ended."""
    process = victim_of(stack, victim, deployment)
    os.kill(process.pid, signal.SIGKILL)
    assert await process.is_gone(within=5)
    await assert_still_running(stack, run)


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


async def assert_still_running(stack: Stack, run: str) -> None:
    """Wait until the panel answers, and see that the run goes on."""
    states: list[str] = []

    async def answers() -> bool:
        response = await stack.ask("GET", f"/runs/{run}")
        if response.is_success:
            states.append(response.json()["state"])
        return bool(states)

    await eventually(answers, within=60)
    assert states[0] not in ENDED, f"the run had ended already: {states[0]}"
