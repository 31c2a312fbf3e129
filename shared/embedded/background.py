"""The supervisor in the background: started detached and awaited, or asked to stop and awaited."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Final

from shared import errors, program

from . import parts, people, state, supervisor
from .installation import Installation
from .processes import Child, Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from . import identity
    from .places import Options

POLL_SECONDS: Final = 0.1
STOP_SECONDS: Final = 180.0
SUPERVISOR: Final = "supervisor"
CLOCK: Final = re.compile(r"^\d\d:\d\d:\d\d ")


async def start(options: Options, report: Callable[[str], None]) -> int:
    """Start the supervisor detached, and return when everything answers."""
    found = state.load(options.state)
    if found is not None and found.is_up:
        report(f"it is up already ({found.phase}): {found.panel_url}")
        await _report_link(options, report)
        return 0
    # The lock also knows a supervisor that has not written anything yet.
    with supervisor.lock(options):
        pass
    child = Child(SUPERVISOR, options.part(SUPERVISOR))
    flags = ["--tls"] if options.is_tls else []
    await child.start(
        Command(
            argv=(
                *(sys.executable, "-m", "shared.embedded", "up", "--foreground", "--detached"),
                *("--data", str(options.data), *flags),
            ),
            directory=options.data,
            environment={**os.environ, "PYTHONPATH": parts.python_path()},
        )
    )
    return await _follow(options, child, report)


async def _follow(options: Options, child: Child, report: Callable[[str], None]) -> int:
    """Pass on what the supervisor says until it is ready or gone."""
    had_token = options.token.exists()
    log = _Tail(child.log)
    while True:
        found = state.load(options.state)
        log.pass_on(report)
        is_ours = found is not None and found.supervisor == child.identity
        if found is not None and is_ours and found.phase is state.Phase.READY:
            break
        if not child.is_running:
            why = found.error if found is not None and is_ours else None
            raise errors.UnavailableError("supervisor.failed", why or child.tail())
        await asyncio.sleep(POLL_SECONDS)
    if options.token.exists() and not had_token:
        report(people.introduction(options, options.token.read_text(encoding="utf-8").strip()))
    report(people.sign_in(options, found.panel_url))
    await _report_link(options, report)
    report(f"it goes on in the background; stop it with: {_again('down', options)}")
    return 0


async def _report_link(options: Options, report: Callable[[str], None]) -> None:
    """Show a link for the browser here, where a person reads it, and in no log."""
    link = await people.sign_in_link(Installation(options))
    if link is not None:
        report(people.invitation(link))


def _again(command: str, options: Options) -> str:
    return f"{program.typed()} {command} --data {options.data}"


class _Tail:
    """Reads the lines that are added to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = path.stat().st_size if path.exists() else 0

    def pass_on(self, report: Callable[[str], None]) -> None:
        """Report what the supervisor reported since the last time; not its last words."""
        with self._path.open(encoding="utf-8", errors="replace") as file:
            file.seek(self._seen)
            for line in file.read().splitlines():
                if CLOCK.match(line):
                    report(line.partition(" ")[2])
            self._seen = file.tell()


async def stop(options: Options, report: Callable[[str], None]) -> int:
    """Ask the supervisor to stop everything; do it ourselves when it died uncleanly."""
    found = state.load(options.state)
    if found is None or found.supervisor is None or found.is_stopped:
        report("it is not up")
        return 0
    if found.is_up:
        await _ask_to_stop(found.supervisor, options, report)
        return 0
    report("the supervisor is gone; ending what it left")
    await supervisor.clean_up(options, report)
    report("stopped")
    return 0


async def _ask_to_stop(
    who: identity.Identity, options: Options, report: Callable[[str], None]
) -> None:
    log = options.part(SUPERVISOR) / f"{SUPERVISOR}.log"
    who.signal(signal.SIGTERM)
    if not await who.is_gone(within=STOP_SECONDS):
        raise errors.UnavailableError(
            "supervisor.stopping", f"it did not stop within {STOP_SECONDS:.0f} s; see {log}"
        )
    left = state.load(options.state)
    if left is None or not left.is_stopped:
        raise errors.FaultError("supervisor.unclean", f"it did not stop cleanly; see {log}")
    report("stopped")
