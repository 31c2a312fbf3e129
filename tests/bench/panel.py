"""How fast the panel answers with 1,000 deployments, 20,000 runs and 1,000 people who watch.

python -m tests.bench.panel [--requests N] [--browsers N] [--streams N] [--rate N] [--json FILE]

A panel process runs on PostgreSQL and NATS of its own. Its main pages are asked for over
connections that stay; then every stream is open while the services report on the bus, and each
report is timed until it is in the browser. Every answer is counted, with the rows in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from shared.embedded.servers import postgres
from tests.bench import panel_pages, panel_process, panel_rows, panel_streams
from tests.support.bus import running_bus
from tests.support.panel import running_panel
from tests.support.servers import throwaway_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.bench.panel_pages import Answers
    from tests.bench.panel_rows import Known
    from tests.bench.panel_streams import Watched
    from tests.support.panel import PanelRig
    from tests.support.visitors import SignedIn

MOST_PAGE_MS: Final = 50.0
MOST_STREAM_MS: Final = 500.0


async def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Fill a panel, ask for its pages, watch its runs; return what is written."""
    async with running() as panel:
        visitor = await panel.session(operator=panel_rows.OPERATOR)
        known = await panel_rows.fill(panel, visitor)
        print(f"filled: {known.rows}", flush=True)  # noqa: T201 - a program
        pages = await ask(panel, visitor, known, chosen)
        watched = await watch(panel, visitor, chosen)
        found = summary(pages, watched, panel_process.resident_mb(panel))
    return {**found, "database": known.rows, "load": round(os.getloadavg()[0], 1)}


@asynccontextmanager
async def running() -> AsyncIterator[PanelRig]:
    """Run a panel on servers of its own for the length of a block."""
    with throwaway_directory() as place:
        (place / "postgres").mkdir()
        (place / "panel").mkdir()
        password = SecretStr(secrets.token_urlsafe(18))
        async with postgres.running(place / "postgres", password=password) as server:
            access = await server.ensure_database("panel", SecretStr(secrets.token_urlsafe(18)))
            async with running_bus() as bus, running_panel(bus, access, place / "panel") as panel:
                yield panel


async def ask(
    panel: PanelRig, visitor: SignedIn, known: Known, chosen: argparse.Namespace
) -> dict[str, Answers]:
    """Ask for every main page."""
    found = {}
    for name, subject in panel_pages.subjects(known).items():
        await panel_pages.ask(visitor, subject, requests=panel_pages.WARM, browsers=1)
        before = panel_process.busy_ms(panel)
        answers = await panel_pages.ask(
            visitor, subject, requests=chosen.requests, browsers=chosen.browsers
        )
        answers.busy_ms = panel_process.busy_ms(panel) - before
        found[name] = answers
        print(f"{name}: {panel_pages.figures(answers)}", flush=True)  # noqa: T201 - a program
    return found


async def watch(panel: PanelRig, visitor: SignedIn, chosen: argparse.Namespace) -> Watched:
    """Watch as many runs as there are to be streams, while every one of them goes on."""
    runs = (await panel_rows.reopen(panel, visitor))[: chosen.streams]
    ids, operator = [run for run, _ in runs], panel_rows.OPERATOR
    async with panel_streams.watching(panel, operator, ids) as watched:
        before = panel_process.busy_ms(panel)
        await panel_streams.report(panel, runs, watched, per_second=chosen.rate)
        watched.busy_ms = panel_process.busy_ms(panel) - before
    return watched


def summary(pages: Mapping[str, Answers], watched: Watched, rss_mb: float) -> dict[str, Any]:
    """Return what is written: the figures, whether all of it was real, and which goals are met."""
    told = {name: panel_pages.figures(it) for name, it in pages.items()}
    streams = watched.figures()
    return {
        "pages": told,
        "streams": streams,
        "rss_mb": rss_mb,
        "real": all(it.is_whole for it in pages.values()) and watched.is_whole,
        "goals": {
            "pages": all(it["p99_ms"] < MOST_PAGE_MS for it in told.values()),
            "streams": streams["p95_ms"] < MOST_STREAM_MS,
        },
    }


def main() -> None:
    """Measure, print, and write what `--json` names."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1000, help="per page")
    parser.add_argument("--browsers", type=int, default=2, help="that ask at once")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=25, help="reports per second, in all runs")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found = asyncio.run(measure(chosen))
    text = json.dumps(found, indent=1)
    print(text)  # noqa: T201 - a program
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")
    if not found["real"]:
        sys.exit("some answers were not what was asked for: see `pages` and `streams`")
    if not all(found["goals"].values()):
        sys.exit(f"goals: {found['goals']}")


if __name__ == "__main__":
    main()
