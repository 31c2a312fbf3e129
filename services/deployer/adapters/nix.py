"""Nix: systems built without nixpkgs, in this computer's store or in one of our own.

One function per command, with its arguments as data. As root the computer's own store is used;
anybody else gets a store below the work directory, whose paths have the same names.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared import errors

from ..domain import System
from ..ports import SystemBuilder
from . import disk, process

if TYPE_CHECKING:
    from collections.abc import Mapping

# Complete, so that no file of this computer has a say: without these, Nix asks binary caches for
# seconds, looks for build users that do not exist, or builds without a shell.
CONFIGURATION: Final = """substituters =
build-users-group =
sandbox = false
experimental-features = nix-command flakes
warn-dirty = false
"""
# In a store of our own Nix builds in a user namespace, which needs to be given a shell. Never as
# root: nested paths in this list made Nix 2.8 empty the computer's own /bin/sh.
SANDBOX: Final = "/bin=/bin /usr=/usr /lib=/lib /lib64=/lib64"
BUILD_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nix:
    """Nix commands for one store."""

    store: Path | None
    """None for the computer's own store."""

    @classmethod
    def usual(cls, work_directory: Path) -> Nix:
        """Return Nix for the store that this process may write to."""
        return cls(store=None if os.geteuid() == 0 else work_directory / "store")

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of every command."""
        return {"NIX_CONFIG": CONFIGURATION, "NIX_CONF_DIR": "/nonexistent", "NIX_PATH": ""}

    @property
    def folder(self) -> Path:
        """Where the store is on this computer."""
        return Path(self._physical("/nix/store"))

    def build(self, expression: Path, arguments: Path, link: Path) -> list[str]:
        """Build a system from its arguments and root it under a link."""
        named = ["--argstr", "argumentsFile", str(arguments)]
        return ["nix-build", str(expression), *named, "--out-link", str(link), *self._store()]

    def copy(self, system: str, destination: str) -> list[str]:
        """Copy a system and everything it needs to a machine."""
        return ["nix", "copy", "--to", f"ssh://{destination}", system, *self._store()]

    def dump(self, path: str) -> list[str]:
        """Write one store path as an archive."""
        return ["nix-store", "--dump", self._physical(path)]

    def parts(self, system: str) -> list[str]:
        """List every store path of a system."""
        return ["nix-store", "--query", "--requisites", system, *self._store()]

    def _store(self) -> list[str]:
        if self.store is None:
            return []
        return ["--store", str(self.store), "--option", "sandbox-paths", SANDBOX]

    def _physical(self, path: str) -> str:
        return path if self.store is None else f"{self.store}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NixSystemBuilder(SystemBuilder):
    """Builds systems with `nix-build` and keeps them rooted by a link per name."""

    nix: Nix
    expression: Path
    """The folder `nix/standalone`."""
    work_directory: Path
    run: process.Run = process.run

    @override
    async def build(self, name: str, arguments: str) -> System:
        file, link = self._places(name)
        with disk.writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(arguments, encoding="utf-8")
        argv = self.nix.build(self.expression, file, link)
        try:
            output = await self.run(argv, environment=self.nix.environment, seconds=BUILD_SECONDS)
        except errors.CommandError as error:
            if disk.is_full(error.stderr) or disk.is_full_at(self.nix.folder):
                raise disk.full_here(argv[0]) from error
            raise
        return System(output.decode().strip().splitlines()[-1])

    @override
    async def discard(self, name: str) -> None:
        for place in self._places(name):
            place.unlink(missing_ok=True)

    def _places(self, name: str) -> tuple[Path, Path]:
        folder = self.work_directory / "systems"
        return folder / f"{name}.json", folder / name
