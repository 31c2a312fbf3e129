"""Kill parts of a running provider at steps that a seed chooses, and count what that costs.

python -m tests.chaos [--runs N] [--seed N] [--all] [--json FILE]

A run counts when it ends by itself as it should, or in a named state from which a retry succeeds;
nothing may be lost, doubled or leaked. `--all` plays every cell of the matrix.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.chaos import cells, killing
from tests.chaos.scenes import SCENES, Cost
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.cells import Cell
    from tests.support.stack import Stack

PAUSE_SECONDS: Final = "0.8"
PAUSES: Final = {
    f"{it.upper()}_RUNTIME__STEP_PAUSE_SECONDS": PAUSE_SECONDS for it in cells.SERVICES
}


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


async def play(stack: Stack, cell: Cell, seed: int, number: int) -> Played:
    """Play one cell in a deployment of its own."""
    scene = SCENES[cell.kind](stack, f"chaos-{number}.localhost")
    await scene.set_up()
    began = time.monotonic()
    run = await scene.begin()
    await stack.at_step(run, cell.service, cell.step)
    await killing.kill(stack, cell.victim, scene.deployment, run)
    outcome = await finish(stack, run)
    seconds = time.monotonic() - began
    cost = await scene.cost() + await scene.clear()
    return Played(seed, cell, outcome, seconds, cost)


async def finish(stack: Stack, run: str) -> str:
    """Wait for the end of a run; one that failed in a way that says so is tried once more."""
    ended = await stack.ended(run)
    if ended["state"] == "succeeded":
        return "succeeded"
    code = (ended["failure"] or {}).get("code", "")
    again = await stack.answer("POST", f"/runs/{run}/retry")
    retried = await stack.ended(str(again["id"]))
    end = f"{ended['state']} {code}, retry {retried['state']}"
    return end if code and retried["state"] == "succeeded" else f"NOT {end}"


async def play_all(chosen: Sequence[Cell], seed: int) -> list[Played]:
    """Play cells one after the other, on one provider."""
    found = []
    async with stacks.running(**PAUSES) as stack:
        for number, cell in enumerate(chosen, start=1):
            played = await play(stack, cell, seed, number)
            found.append(played)
            print(_line(number, len(chosen), played), flush=True)  # noqa: T201 - a program
    return found


def _line(number: int, count: int, it: Played) -> str:
    where = f"{it.cell.kind:<8} {it.cell.victim:<12} {it.cell.service} {it.cell.step}"
    costs = f"lost {it.cost.lost}, doubled {it.cost.doubled}, leaked {it.cost.leaked}"
    return f"{number:>3}/{count} {where:<46} {it.seconds:6.1f} s  {costs}  {it.outcome}"


def main() -> None:
    """Play, print, and write what `--json` names."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    chosen = cells.matrix() if given.all else cells.draw(seed, given.runs)
    print(f"seed {seed}, {len(chosen)} runs")  # noqa: T201 - a program
    played = asyncio.run(play_all(chosen, seed))
    good = sum(it.ok for it in played)
    document = {"ok": good == len(chosen), "runs": [it.document() for it in played]}
    if given.json:
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{good} of {len(chosen)}")  # noqa: T201 - a program
    sys.exit(0 if document["ok"] else 1)


if __name__ == "__main__":
    main()
