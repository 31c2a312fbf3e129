"""Kill parts of a running provider at steps that a seed chooses, and count what that costs.

python -m tests.chaos [--runs N|all] [--seed N] [--json FILE]

A run counts when it ends by itself as it should, or in a named state from which a retry succeeds;
nothing may be lost, doubled or leaked. `--runs all` plays every cell of the matrix.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from tests.chaos import cells, playing
from tests.chaos.playing import Played
from tests.chaos.scenes import Cost
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.cells import Cell
    from tests.support.stack import Stack


async def play_all(chosen: Sequence[Cell], seed: int) -> list[Played]:
    """Play cells one after the other, on one provider."""
    found = []
    async with stacks.running(**playing.PAUSES) as stack:
        for number, cell in enumerate(chosen, start=1):
            played = await _played(stack, cell, seed, f"chaos-{number}.localhost")
            found.append(played)
            print(_line(number, len(chosen), played), flush=True)  # noqa: T201 - a program
    return found


async def _played(stack: Stack, cell: Cell, seed: int, domain: str) -> Played:
    """Play a cell; one that cannot be played to its end is a failure, and the next one's turn."""
    began = time.monotonic()
    try:
        return await playing.play(stack, cell, seed, domain)
    except (AssertionError, OSError, TimeoutError, httpx2.HTTPError) as error:
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        return Played(seed, cell, f"NOT played: {said[:300]}", time.monotonic() - began, Cost())


def _line(number: int, count: int, it: Played) -> str:
    where = f"{it.cell.kind:<8} {it.cell.victim:<12} {it.cell.service} {it.cell.step}"
    costs = f"lost {it.cost.lost}, doubled {it.cost.doubled}, leaked {it.cost.leaked}"
    return f"{number:>3}/{count} {where:<46} {it.seconds:6.1f} s  {costs}  {it.outcome}"


def main() -> None:
    """Play, print, and write what `--json` names."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", default="20")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    chosen = cells.matrix() if given.runs == "all" else cells.draw(seed, int(given.runs))
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
