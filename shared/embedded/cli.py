"""The command line of the embedded default."""

from __future__ import annotations

import argparse
import asyncio
import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import errors

from . import commands, places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        status: int = chosen.run(chosen)
    except errors.HostingError as error:
        sys.stderr.write(f"{error.in_full}\n")
        return 1
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        sys.stderr.write(f"{error}; see what takes the space with: df -h; du -xh -d2 /var\n")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.embedded", description=__doc__)
    adding = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        added = adding.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    for starting in (
        up := command("up", commands.up, "start everything and return when it answers"),
        demo := command("demo", commands.demo, "start everything and show a deployment"),
    ):
        _place(starting)
        starting.add_argument("--tls", action="store_true", help="https, by the edge's own CA")
    up.add_argument("--foreground", action="store_true", help="stay until Ctrl-C")
    up.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)
    demo.add_argument("--exit", action="store_true", help="stop everything after the story")
    demo.add_argument("--json", type=Path, metavar="FILE", help="write what was seen")
    _place(command("down", commands.down, "stop everything"))
    status = command("status", commands.status, "show what runs")
    _place(status)
    status.add_argument("--json", action="store_true")
    logs = command("logs", commands.logs, "show what the parts wrote")
    _place(logs)
    logs.add_argument("name", nargs="?", help="one part; without it, the ends of all")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as it is written")
    trace = command("trace", commands.trace, "show a run as a tree of spans")
    _place(trace)
    trace.add_argument("identifier", metavar="RUN")
    install = command("packages", commands.install, "install or name what the distribution brings")
    install.add_argument("--for", dest="purpose", choices=("run", "test"), default="run")
    _front(command("front", commands.front, "route *.localhost; started by `up`"))
    return parser


def _place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        help=f"where everything is kept (default: {places.options().data})",
    )


def _front(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", required=True, type=Path)
    parser.add_argument("--token-file", required=True, type=Path)
    for name in ("--port", "--tls-port", "--api-port"):
        parser.add_argument(name, required=True, type=int)
