"""Play runs during which parts are killed, one at one step or one at every step."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx2

from tests.chaos import cells, killing
from tests.chaos.scenes import SCENES, Cost
from tests.support import chance
from tests.support.stack import ENDED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.chaos.cells import Cell, Kind
    from tests.chaos.scenes import Scene
    from tests.support.stack import Stack

PAUSE_SECONDS: Final = "0.8"
PAUSES: Final = {
    f"{it.upper()}_RUNTIME__STEP_PAUSE_SECONDS": PAUSE_SECONDS for it in cells.SERVICES
}
LOOK_SECONDS: Final = 0.05
PATIENCE_SECONDS: Final = 400


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one cell."""

    seed: int
    cell: Cell
    outcome: str
    seconds: float
    cost: Cost

    @property
    def ok(self) -> bool:
        """Whether it cost nothing but time."""
        return self.cost == Cost() and not self.outcome.startswith("NOT")

    def document(self) -> dict[str, Any]:
        """Return what is written with `--json`."""
        return {
            "seed": self.seed,
            "kind": self.cell.kind.value,
            "victim": self.cell.victim,
            "step": f"{self.cell.service} {self.cell.step}",
            "outcome": self.outcome,
            "seconds": round(self.seconds, 1),
            **asdict(self.cost),
        }


async def play(stack: Stack, cell: Cell, seed: int, domain: str) -> Played:
    """Play one cell in a deployment of its own."""
    scene = SCENES[cell.kind](stack, domain)
    await scene.set_up()
    began = time.monotonic()
    run = await scene.begin()
    await stack.at_step(run, cell.service, cell.step)
    await killing.kill(stack, cell.victim, scene.deployment, run)
    outcome = await finish(stack, run)
    seconds = time.monotonic() - began
    cost = await scene.cost() + await scene.clear()
    return Played(seed, cell, outcome, seconds, cost)


async def play_through(stack: Stack, scene: Scene, chosen: Sequence[Cell]) -> Sequence[Cell]:
    """Play several cells of one kind in one run, which has to succeed and cost nothing.

    Returns:
        What was missed: steps that were over before anybody could look, as after a kill of the
        panel, or whose victim was not back yet from an earlier kill.
    """
    waiting = {(it.service, it.step): it for it in chosen}
    run = await scene.begin()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while waiting and (seen := await _look(stack, run)).get("state") not in ENDED:
            for it in seen.get("steps", ()):
                place = (it["service"], it["name"])
                if it["status"] != "running" or place not in waiting:
                    continue
                # What was killed a moment ago may not be back yet.
                if killing.is_there(stack, waiting[place].victim, scene.deployment):
                    victim = waiting.pop(place).victim
                    await killing.kill(stack, victim, scene.deployment, run)
                    break
            await asyncio.sleep(LOOK_SECONDS)
    await stack.succeeds(run)
    return [*waiting.values()]


async def finish(stack: Stack, run: str) -> str:
    """Wait for the end of a run; one that failed in a way that says so is tried once more."""
    ended = await stack.ended(run, within=PATIENCE_SECONDS)
    if ended["state"] == "succeeded":
        return "succeeded"
    code = (ended["failure"] or {}).get("code", "")
    again = await stack.answer("POST", f"/runs/{run}/retry")
    retried = await stack.ended(str(again["id"]), within=PATIENCE_SECONDS)
    end = f"{ended['state']} {code}, retry {retried['state']}"
    return end if code and retried["state"] == "succeeded" else f"NOT {end}"


async def _look(stack: Stack, run: str) -> dict[str, Any]:
    """Return a run, or nothing while the panel is away."""
    try:
        response = await stack.ask("GET", f"/runs/{run}")
    except httpx2.TransportError:
        return {}
    found: dict[str, Any] = response.json() if response.is_success else {}
    return found


async def assert_harmless(
    stack: Stack, kinds: Sequence[Kind], domain: str, look: Callable[[Scene, str], Awaitable[None]]
) -> Sequence[str]:
    """Kill a part that chance chooses at the steps of several runs of one deployment.

    Args:
        look: called after each run with its scene, and with what was killed.

    Returns:
        What was killed, for people.
    """
    seed, stories = chance.seed(), []
    before: Scene | None = None
    steps_killed = steps_missed = 0
    for kind in kinds:
        scene = SCENES[kind](stack, domain)
        await scene.set_up(before)
        chosen = cells.one_per_step(seed, kind)
        missed = await play_through(stack, scene, chosen)
        kills = ", ".join(f"{it.victim}@{it.step}" for it in chosen if it not in missed)
        rest = ", ".join(it.step for it in missed) or "none"
        stories.append(f"seed {seed}, {kind}: succeeded; killed {kills}; missed {rest}")
        assert (cost := await scene.cost()) == Cost(), f"{stories[-1]}; {cost}"
        steps_killed += len(chosen) - len(missed)
        steps_missed += len(missed)
        await look(scene, stories[-1])
        before = scene
    if before is not None:
        assert (cost := await before.clear()) == Cost(), f"{stories}; {cost}"
    # While the panel is back, a short run may end unseen; most of all steps are hit nevertheless.
    assert steps_missed < steps_killed, stories
    return stories
