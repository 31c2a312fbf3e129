"""What each command does; the words and flags are in `cli`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from shared import errors

from . import background, files, packages, people, places, state, supervisor
from . import demo as demos
from . import front as fronts
from . import logs as log_files
from . import trace as traces

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine

    from .places import Options
    from .supervisor import Supervisor

INTERRUPTED: Final = 130
"""As shells say it of a command that Ctrl-C ended."""
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def report(line: str) -> None:
    """Tell the person at the terminal something, at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def options_of(chosen: argparse.Namespace) -> Options:
    """Return where everything lies, as chosen."""
    return places.options(chosen.data, is_tls=getattr(chosen, "tls", False))


def run_until_told(work: Coroutine[object, object, int], *, interrupted: int = 0) -> int:
    """Run to the end or until the first signal; then clean up, whatever signals follow.

    Returns the status of the work, or `interrupted` when a signal ended it.
    """

    async def watched() -> int:
        task = asyncio.ensure_future(work)
        asked = asyncio.Event()

        def ask() -> None:
            if not asked.is_set():
                asked.set()
                report("stopping")
                task.cancel()

        for number in STOPPING:
            asyncio.get_running_loop().add_signal_handler(number, ask)
        with contextlib.suppress(asyncio.CancelledError):
            return await task
        return interrupted

    return asyncio.run(watched())


def up(chosen: argparse.Namespace) -> int:
    """Start everything."""
    options = options_of(chosen)
    packages.ensure(report)
    if chosen.foreground:
        return run_until_told(stay(options, is_detached=chosen.detached))
    return asyncio.run(background.start(options, report))


def install(chosen: argparse.Namespace) -> int:
    """Install the packages of the distribution, or name them."""
    is_for_tests = chosen.purpose == "test"
    try:
        packages.ensure(report, packages.NEEDS_OF_TESTS if is_for_tests else packages.NEEDS)
    except errors.NotFoundError as missing:
        # The tests say themselves what they cannot do without them.
        report(missing.message)
        return 0 if is_for_tests else 1
    return 0


async def stay(options: Options, *, is_detached: bool = False) -> int:
    """Keep everything running until cancelled."""
    async with supervisor.up(options, report) as it:
        _welcome(it, is_detached=is_detached)
        if not is_detached:
            await _welcome_by_browser(it)
        await asyncio.Event().wait()
    return 0


def _welcome(it: Supervisor, *, is_detached: bool = False) -> None:
    # What a detached supervisor says ends up in a log; there the starting command shows it.
    if it.new_token is not None and not is_detached:
        report(people.introduction(it.installation.options, it.new_token))
    report(f"ready: {it.installation.panel_url}")
    if not is_detached:
        report(people.sign_in(it.installation.options, it.installation.panel_url))


async def _welcome_by_browser(it: Supervisor) -> None:
    link = await people.sign_in_link(it.installation)
    if link is not None:
        report(people.invitation(link))


def demo(chosen: argparse.Namespace) -> int:
    """Start everything in the foreground and tell the story."""
    packages.ensure(report)
    return run_until_told(_tell(options_of(chosen), chosen), interrupted=INTERRUPTED)


async def _tell(options: Options, chosen: argparse.Namespace) -> int:
    async with supervisor.up(options, report) as it:
        _welcome(it)
        played = await demos.play(
            it, report, is_kept=not chosen.exit, is_measured=bool(chosen.json)
        )
        for line in played.summary():
            report(line)
        if chosen.json:
            files.write(chosen.json, json.dumps(played.document(), indent=2) + "\n")
        if not chosen.exit:
            for line in await demos.guide(it, played):
                report(line)
            # Told to stop after the story is no interruption of it.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    return 0 if played.ok else 1


def down(chosen: argparse.Namespace) -> int:
    """Stop everything."""
    return asyncio.run(background.stop(options_of(chosen), report))


def status(chosen: argparse.Namespace) -> int:
    """Show what runs; 0 when everything answers."""
    found = state.load(options_of(chosen).state)
    is_up = found is not None and found.is_up
    if chosen.json:
        shown = found.model_dump(mode="json") if found else {}
        sys.stdout.write(json.dumps({"up": is_up, **shown}, indent=2) + "\n")
    elif found is None or not is_up:
        sys.stdout.write("not up\n")
    else:
        sys.stdout.write(_table(found))
    return 0 if is_up and found is not None and found.phase is state.Phase.READY else 1


def _table(found: state.State) -> str:
    lines = [f"{found.phase}: {found.panel_url}"]
    for name, part in found.parts.items():
        numbers = ", ".join(str(it) for it in part.ports.values())
        restarts = f", started again {part.restarts} times" if part.restarts else ""
        lines.append(f"  {name:<12} {part.state:<10} pid {part.pid}, ports {numbers}{restarts}")
        if part.error:
            lines.append(f"  {'':<12} {part.error}")
    return "\n".join(lines) + "\n"


def logs(chosen: argparse.Namespace) -> int:
    """Show what the parts wrote."""
    data = options_of(chosen).data
    if chosen.follow:
        with contextlib.suppress(KeyboardInterrupt):
            log_files.follow(data, chosen.name, sys.stdout)
        return 0
    log_files.show(data, chosen.name, sys.stdout)
    return 0


def trace(chosen: argparse.Namespace) -> int:
    """Show a run as a tree."""
    sys.stdout.write(traces.render(traces.of_run(options_of(chosen).traces, chosen.identifier)))
    return 0


def front(chosen: argparse.Namespace) -> int:
    """Route `*.localhost` until told to stop."""
    settings = fronts.FrontSettings(
        port=chosen.port,
        tls_port=chosen.tls_port,
        api_port=chosen.api_port,
        records=chosen.records,
        token=SecretStr(chosen.token_file.read_text(encoding="utf-8").strip()),
    )

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in STOPPING:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await fronts.serve(settings, stop)

    asyncio.run(until_told())
    return 0
