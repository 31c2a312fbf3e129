"""The command line of the embedded default."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from shared import errors

from . import front

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        status: int = chosen.run(chosen)
    except errors.HostingError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.embedded", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("front", help="route *.localhost; started by `up`")
    command.add_argument("--records", required=True, type=Path)
    command.add_argument("--token-file", required=True, type=Path)
    for name in ("--port", "--tls-port", "--api-port"):
        command.add_argument(name, required=True, type=int)
    command.set_defaults(run=_front)
    return parser


def _front(chosen: argparse.Namespace) -> int:
    settings = front.FrontSettings(
        port=chosen.port,
        tls_port=chosen.tls_port,
        api_port=chosen.api_port,
        records=chosen.records,
        token=SecretStr(chosen.token_file.read_text(encoding="utf-8").strip()),
    )

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await front.serve(settings, stop)

    asyncio.run(until_told())
    return 0
