"""What is needed from the distribution: found, installed when we are root, else named."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import errors

from . import programs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ATTEMPTS: Final = 3
LISTS: Final = Path("/var/lib/apt/lists")
APT: Final = ("apt-get", "-o", "DPkg::Lock::Timeout=180", "-o", "Acquire::Retries=3")


@dataclass(frozen=True, slots=True)
class Need:
    """A program, and the package that brings it."""

    program: str
    package: str
    is_static: bool = False
    """Whether only a program without shared libraries will do."""

    @property
    def is_met(self) -> bool:
        """Whether the program is there."""
        found = programs.find(self.program)
        return found is not None and not (self.is_static and _needs_libraries(found))


NEEDS: Final = (
    Need("nix", "nix-bin"),
    Need("qemu-system-x86_64", "qemu-system-x86"),
    Need("qemu-img", "qemu-utils"),
    Need("mmdebstrap", "mmdebstrap"),
    Need("busybox", "busybox-static", is_static=True),
    Need("cpio", "cpio"),
    Need("lz4", "lz4"),
    Need("modprobe", "kmod"),
    Need("mkfs.ext4", "e2fsprogs"),
    Need("ssh", "openssh-client"),
    Need("caddy", "caddy"),
    Need("squid", "squid"),
    Need("aiosmtpd", "python3-aiosmtpd"),
)
NEEDS_OF_TESTS: Final = (
    *NEEDS,
    Need("docker-compose", "docker-compose"),
    Need("restic", "restic"),
    Need("chromium", "chromium"),
)
NEEDS_WITHOUT_ROOT: Final = (Need("newuidmap", "uidmap"),)


def missing(needs: Sequence[Need] = NEEDS) -> tuple[str, ...]:
    """Return the packages that are missing."""
    wanted = needs if os.geteuid() == 0 else (*needs, *NEEDS_WITHOUT_ROOT)
    return tuple(it.package for it in wanted if not it.is_met)


def command(packages: Sequence[str]) -> str:
    """Return the command that a person runs to get packages."""
    return f"apt-get install --no-install-recommends {' '.join(packages)}"


def ensure(report: Callable[[str], None], needs: Sequence[Need] = NEEDS) -> None:
    """Install what is missing, or say which command does."""
    wanted = missing(needs)
    if not wanted:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise errors.NotFoundError(
            "package.missing",
            f"packages of the distribution are missing; as root, run: {command(wanted)}",
        )
    report(f"installing {', '.join(wanted)}")
    _install(wanted)
    still = missing(needs)
    if still:
        raise errors.NotFoundError(
            "package.missing",
            f"still missing after their installation: {', '.join(still)}; look at the output of: "
            f"{command(still)}",
        )


def _install(packages: Sequence[str]) -> None:
    if not any(LISTS.glob("*Packages*")):
        _apt("update")
    for attempt in range(ATTEMPTS):
        done = _apt("install", "--yes", "--no-install-recommends", *packages)
        if done.returncode == 0:
            return
        if attempt + 1 == ATTEMPTS:
            raise errors.CommandError(done.args, done.returncode, done.stdout + done.stderr)
        # Old lists name versions that are no longer offered.
        _apt("update")


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own argv, no shell
        [*APT, *arguments],
        # Services that packages bring are not ours to start, as far as the packages listen.
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _needs_libraries(program: str) -> bool:
    return b"/ld-linux" in Path(program).read_bytes()
