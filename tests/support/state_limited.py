"""Run a program of the machine with other limits: PROGRAM '{"loading.SECONDS": 1}' …."""

from __future__ import annotations

import importlib
import json
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Set constants of the program's modules, then be the program."""
    program, limits = sys.argv[1:3]
    sys.argv = [program, *sys.argv[3:]]
    sys.path[0] = str(Path(program).parent)
    for place, value in json.loads(limits).items():
        module, _, name = place.partition(".")
        setattr(importlib.import_module(module), name, value)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
