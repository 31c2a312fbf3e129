"""How long a deployment of `hello` takes, beside the same by plain QEMU, Nix and SSH.

python -m tests.bench.deploy [--times N] [--json FILE]

Each time a fresh deployment is made, measured, and removed; then a machine of the same image gets
the same system by plain commands. The medians are compared, in one run on one computer. What the
plain commands do ends when the application answers, as a deployment does; `sum` holds it all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.embedded import bare, story
from shared.embedded.credentials import service_directory
from tests.support import stack as stacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.embedded.bare import Bare
    from tests.support.stack import Stack

DOMAIN: Final = "bench.localhost"
MOST: Final = 1.25
"""How much longer than its bare parts a deployment may take."""


async def measure(times: int) -> dict[str, float]:
    """Return the medians, in seconds, and their ratio."""
    async with stacks.running() as stack:
        # The first one pays for the image and for what nobody has read from disk yet.
        await once(stack)
        found = []
        for turn in range(1, times + 1):
            seconds, parts = await once(stack)
            found.append((seconds, parts))
            print(f"{turn}: deployed in {seconds:.2f} s, bare {parts.total:.2f} s", flush=True)  # noqa: T201 - a program
    return summary([seconds for seconds, _ in found], [parts for _, parts in found])


async def once(stack: Stack) -> tuple[float, Bare]:
    """Return the seconds of one deployment, and of its bare parts."""
    deployment = await stack.stage(DOMAIN, title="Bench")
    run = await stack.succeeds(await stack.deploy(deployment))
    parts = await bare.measure(
        deployment,
        machines=stack.data / "provisioner" / "machines",
        key=service_directory(stack.data / "secrets", "deployer") / "deployer_ssh_key",
        store=None if os.geteuid() == 0 else stack.data / "deployer" / "work" / "store",
        health=story.HEALTH,
    )
    removal = await stack.answer("DELETE", f"/deployments/{deployment}")
    await stack.succeeds(removal["id"])
    return float(run["seconds"]), parts


def summary(totals: Sequence[float], parts: Sequence[Bare]) -> dict[str, float]:
    """Return what is written: medians, `sum` of the bare parts, and how many times that."""
    median = {
        name: statistics.median(getattr(it, name) for it in parts)
        for name in ("boot", "copy", "switch", "health")
    }
    whole = statistics.median(it.total for it in parts)
    total = statistics.median(totals)
    found = {
        "boot": median["boot"],
        "copy": median["copy"],
        "switch": median["switch"],
        "sum": whole,
        "health": median["health"],
        "total": total,
        "ratio": total / whole,
    }
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    """Measure, print, and write what `--json` names."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found = asyncio.run(measure(chosen.times))
    text = json.dumps(found, indent=1)
    print(text)  # noqa: T201 - a program
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")
    if found["ratio"] > MOST:
        sys.exit(f"a deployment takes {found['ratio']} times its bare parts; at most {MOST}")


if __name__ == "__main__":
    main()
