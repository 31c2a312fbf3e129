"""The demo: its stories told on a running provider, and a deployment beside its bare parts."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared import http, program

from . import bare, friend, people, ruin, story, versions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from .friend import Friend
    from .installation import Installation
    from .supervisor import Supervisor

MOST_TIMES_BARE: Final = 1.25
"""How much longer than its bare parts a deployment should take at most."""
FRIEND: Final = "friend.localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo did and saw."""

    told: story.Told
    restored: story.Restored
    yardstick: bare.Bare | None
    """Measured for whoever wants the figures."""
    parts: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether everything that has to be true is."""
        return self.told.ok and self.restored.ok

    def document(self) -> dict[str, Any]:
        """Return what is written with `--json`."""
        told, restored = self.told, self.restored
        deploy = {
            "seconds": told.seconds,
            "run": told.run,
            "bare": self.yardstick.document() if self.yardstick else None,
            "stages": [{"name": name, "seconds": seconds} for name, seconds in told.stages],
            "checks": [it.document() for it in told.checks],
        }
        restore = {
            "backup": {"id": restored.backup, "seconds": restored.saved_seconds},
            "seconds": restored.seconds,
            "run": restored.run,
            "checks": [it.document() for it in restored.checks],
        }
        return {
            "ok": self.ok,
            "parts": self.parts,
            "stories": {"deploy": deploy, "restore": restore},
        }

    def summary(self) -> list[str]:
        """Return what a person wants to know in the end."""
        told, restored = self.told, self.restored
        checks = [*told.checks, *restored.checks]
        lines = [f"{'ok' if it.ok else 'NOT ok':<6} {it.name}: {it.seen}" for it in checks]
        lines.append(
            f"saved in {restored.saved_seconds:.1f} s, destroyed, restored in "
            f"{restored.seconds:.1f} s"
        )
        return [*lines, *self._times()]

    def _times(self) -> list[str]:
        told, where = self.told, "deployed"
        if not told.is_new:
            # Its machine was there already, or was just being started again.
            where = "deployed again, to the machine of an earlier demo,"
        lines = [f"{where} in {told.seconds:.1f} s"]
        if self.yardstick is not None:
            sum_ = self.yardstick.total
            lines.append(f"the bare parts take {sum_:.1f} s")
            if told.is_new:
                lines[-1] += f" (x {told.seconds / sum_:.2f}, at most {MOST_TIMES_BARE})"
        return lines


async def play(
    it: Supervisor, report: Callable[[str], None], *, is_kept: bool, is_measured: bool
) -> Demo:
    """Tell the stories, and if wanted measure the yardstick in the same surroundings.

    Unless it is kept, what the stories made is removed in the end; never what was there before.
    """
    installation = it.installation
    options = installation.options
    teller = story.Storyteller(
        panel=installation.panel_url,
        token=options.token.read_text(encoding="utf-8").strip(),
        say=report,
        keep=password_file(installation),
        authority=installation.edge_authority if options.is_tls else None,
    )
    told = await teller.tell(lambda: _outside(installation))
    yardstick = await _measured(installation, told, report) if is_measured else None
    restored = await teller.restore(
        told,
        lambda: ruin.destroy(
            told.deployment,
            machines=_machines(installation),
            key=installation.deployer_key,
            store=installation.store_access,
        ),
    )
    if told.is_new and not is_kept:
        await teller.clear(told)
    return Demo(told=told, restored=restored, yardstick=yardstick, parts=versions.of_parts())


async def _measured(
    installation: Installation, told: story.Told, report: Callable[[str], None]
) -> bare.Bare:
    report("measuring the same by plain qemu, nix and ssh")
    work = installation.options.part("deployer") / "work"
    return await bare.measure(
        told.deployment,
        machines=_machines(installation),
        key=installation.deployer_key,
        # Root uses the computer's own store, as deployer does.
        store=None if os.geteuid() == 0 else work / "store",
        health=story.HEALTH,
    )


def _machines(installation: Installation) -> Path:
    return installation.options.part("provisioner") / "machines"


@asynccontextmanager
async def _outside(installation: Installation) -> AsyncIterator[Friend]:
    """Let a friend answer under a name that the front knows."""
    token = installation.credentials.front_token_file.read_text(encoding="utf-8").strip()
    netloc = f"{FRIEND}:{installation.ports['front']}"
    records = http.client(
        base_url=f"http://127.0.0.1:{installation.ports['front_api']}",
        headers={"authorization": f"Bearer {token}"},
    )
    async with records, friend.serving(netloc) as found:
        answer = await records.put(f"/records/{FRIEND}", json={"address": found.address})
        answer.raise_for_status()
        yield found
        (await records.delete(f"/records/{FRIEND}")).raise_for_status()


def password_file(installation: Installation) -> Path:
    """Return where the blog's first password is kept."""
    return installation.options.secrets / "blog-password"


async def guide(it: Supervisor, demo: Demo) -> list[str]:
    """Return how a person goes on."""
    installation = it.installation
    link = await people.sign_in_link(installation)
    data, command = installation.options.data, program.typed()
    return [
        f"hello:            {demo.told.urls['hello']}",
        f"the blog:         {demo.told.urls['microblog']}",
        f"to write there:   admin, with the password in {password_file(installation)}",
        f"the panel (REST): {installation.panel_url}/api/v1",
        f"the panel:        {installation.panel_url}",
        f"sign in there by: {link} (once, within ten minutes)",
        f"what happened:    {command} trace --data {data} {demo.told.run}",
        f"what runs:        {command} status --data {data}",
        "it keeps running; Ctrl-C stops everything, and the data is kept",
    ]
