"""The command `fediversity`, as a person has to type it here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

NAME: Final = "fediversity"


def typed() -> str:
    """Return what a person types: the name where a shell finds it, else the path of the program."""
    program = Path(sys.executable).with_name(NAME)
    if shutil.which(NAME) == str(program):
        return NAME
    # From anywhere else a path full of `..` is harder to read than the whole one.
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)
