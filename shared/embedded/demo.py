"""The demo: the deploy story told on a running provider, measured against its bare parts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared import program

from . import bare, story, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from .supervisor import Supervisor

MOST_TIMES_BARE: Final = 1.25
"""How much longer than its bare parts a deployment should take at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo did and saw."""

    told: story.Told
    yardstick: bare.Bare
    parts: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether everything that has to be true is."""
        return self.told.ok

    def document(self) -> dict[str, Any]:
        """Return what is written with `--json`."""
        told = self.told
        deploy = {
            "seconds": told.seconds,
            "run": told.run,
            "bare": self.yardstick.document(),
            "stages": [{"name": name, "seconds": seconds} for name, seconds in told.stages],
            "checks": [{"name": it.name, "ok": it.ok, "seen": it.seen} for it in told.checks],
        }
        return {"ok": self.ok, "parts": self.parts, "stories": {"deploy": deploy}}

    def summary(self) -> list[str]:
        """Return what a person wants to know in the end."""
        told, sum_ = self.told, self.yardstick.total
        lines = [f"{'ok' if it.ok else 'NOT ok':<6} {it.name}: {it.seen}" for it in told.checks]
        if told.is_new:
            took = f"deployed in {told.seconds:.1f} s; the bare parts take {sum_:.1f} s"
            return [*lines, f"{took} (x {told.seconds / sum_:.2f}, at most {MOST_TIMES_BARE})"]
        # Its machine was there already, or was just being started again.
        took = f"deployed again in {told.seconds:.1f} s, to the machine of an earlier demo"
        return [*lines, f"{took}; a first time by the bare parts takes {sum_:.1f} s"]


async def play(it: Supervisor, report: Callable[[str], None], *, is_kept: bool) -> Demo:
    """Tell the story, then measure the yardstick in the same surroundings.

    Unless it is kept, what the story made is removed in the end; never what was there before.
    """
    installation = it.installation
    options = installation.options
    teller = story.Storyteller(
        panel=installation.panel_url,
        token=options.token.read_text(encoding="utf-8").strip(),
        say=report,
        authority=installation.edge_authority if options.is_tls else None,
    )
    told = await teller.tell()
    report("measuring the same by plain qemu, nix and ssh")
    yardstick = await bare.measure(
        told.deployment,
        machines=options.part("provisioner") / "machines",
        key=installation.deployer_key,
        # Root uses the computer's own store, as deployer does.
        store=None if os.geteuid() == 0 else options.part("deployer") / "work" / "store",
        health=story.HEALTH,
    )
    if told.is_new and not is_kept:
        await teller.clear(told)
    return Demo(told=told, yardstick=yardstick, parts=versions.of_parts())


def guide(it: Supervisor, demo: Demo) -> list[str]:
    """Return how a person goes on."""
    installation = it.installation
    data, command = installation.options.data, program.typed()
    return [
        f"the application:  {demo.told.url}",
        f"the panel (REST): {installation.panel_url}/api/v1",
        f"what happened:    {command} trace --data {data} {demo.told.run}",
        f"what runs:        {command} status --data {data}",
        "it keeps running; Ctrl-C stops everything, and the data is kept",
    ]
