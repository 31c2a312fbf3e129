"""Render the server's configuration, apply the streams, or write the AsyncAPI document.

python -m shared.bus render --listen HOST:PORT --store DIR --key NAME=PUBLIC … > nats.conf
python -m shared.bus apply --url nats://HOST:PORT --seed-file FILE
python -m shared.bus asyncapi [--output FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from shared import errors

from . import accounts, administration

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        text: str = chosen.run(chosen)
    except (errors.HostingError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shared.bus",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    render = commands.add_parser("render", help="write the configuration of nats-server")
    render.add_argument("--listen", required=True, metavar="HOST:PORT")
    render.add_argument("--store", required=True, metavar="DIR")
    render.add_argument("--monitor", metavar="HOST:PORT", help="HTTP health endpoint")
    render.add_argument("--key", required=True, action="append", metavar="NAME=PUBLIC")
    render.set_defaults(run=_render)
    apply = commands.add_parser("apply", help="create or update streams and consumers")
    apply.add_argument("--url", required=True)
    apply.add_argument("--seed-file", required=True, type=Path, help="the administrator's seed")
    apply.add_argument("--wait-seconds", type=float, default=administration.WAIT_SECONDS)
    apply.set_defaults(run=_apply)
    asyncapi = commands.add_parser("asyncapi", help="write the AsyncAPI document")
    asyncapi.add_argument("--output", type=Path, help="default: docs/events/asyncapi.yaml")
    asyncapi.set_defaults(run=_asyncapi)
    return parser


def _render(chosen: argparse.Namespace) -> str:
    keys = dict(str(it).partition("=")[::2] for it in chosen.key)
    return accounts.render(
        accounts.Server(listen=chosen.listen, store=chosen.store, monitor=chosen.monitor, keys=keys)
    )


def _apply(chosen: argparse.Namespace) -> str:
    seed = SecretStr(chosen.seed_file.read_text(encoding="utf-8").strip())
    done = asyncio.run(administration.apply(chosen.url, seed, wait_seconds=chosen.wait_seconds))
    return "".join(f"{it.kind} {it.name}: {it.action}\n" for it in done)


def _asyncapi(chosen: argparse.Namespace) -> str:
    from . import asyncapi  # noqa: PLC0415 - its YAML writer is not installed where services run

    path: Path = chosen.output or asyncapi.DOCUMENT
    path.write_text(asyncapi.text(), encoding="utf-8")
    return f"{path} is up to date\n"


if __name__ == "__main__":
    sys.exit(main())
