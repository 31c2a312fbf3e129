"""Which versions of the parts run here, as the programs themselves say."""

from __future__ import annotations

import platform
import re
import subprocess
from typing import Final

from shared import errors

from . import programs

NUMBER: Final = re.compile(r"\d+\.\d+[\w.+-]*")


def of_parts() -> dict[str, str]:
    """Return the version of each part by its name."""
    commands = {
        "nats": (programs.from_wheel("nats-server"), "--version"),
        "postgres": (str(programs.postgres() / "bin" / "postgres"), "--version"),
        "objects": (programs.from_wheel("weed"), "version"),
        "caddy": (programs.from_distribution("caddy", "caddy"), "version"),
        "squid": (programs.from_distribution("squid", "squid"), "-v"),
        "aiosmtpd": (programs.from_distribution("aiosmtpd", "python3-aiosmtpd"), "--version"),
        "qemu": (
            programs.from_distribution("qemu-system-x86_64", "qemu-system-x86"),
            "--version",
        ),
        "nix": (programs.from_distribution("nix", "nix-bin"), "--version"),
        "ssh": (programs.from_distribution("ssh", "openssh-client"), "-V"),
    }
    found = {name: _version(command) for name, command in commands.items()}
    return found | {"python": platform.python_version()}


def _version(command: tuple[str, ...]) -> str:
    done = subprocess.run(  # noqa: S603 - our own argv, no shell
        command, capture_output=True, text=True, check=False
    )
    found = NUMBER.search(done.stdout + done.stderr)
    if found is None:
        raise errors.CommandError(command, done.returncode, done.stdout + done.stderr)
    return found.group()
