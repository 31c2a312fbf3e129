"""Run a program until a line of it is reached for the first time, and end it there by SIGKILL.

Started with the program's path, the line as FILE:NUMBER, and the program's own arguments. Without
a line the program runs to its end, and all lines it reached are written to standard error.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

FOLDER = str(Path(sys.argv[1]).parent)
WANTED = sys.argv[2]
REACHED: dict[str, None] = {}


def look(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - a tracer returns tracers
    """Follow what happens in the program's own files."""
    if not frame.f_code.co_filename.startswith(FOLDER):
        return None
    if event == "line":
        place = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"  # noqa: PTH119 - called for each line
        if place == WANTED:
            os.kill(os.getpid(), signal.SIGKILL)
        REACHED.setdefault(place)
    return look


def main() -> None:
    """Run the program under watch."""
    program = sys.argv[1]
    sys.argv = [program, *sys.argv[3:]]
    sys.path[0] = FOLDER
    threading.settrace(look)
    sys.settrace(look)
    try:
        runpy.run_path(program, run_name="__main__")
    finally:
        sys.settrace(None)
        if not WANTED:
            sys.stderr.write("\n".join(REACHED))


if __name__ == "__main__":
    main()
