"""What the parts wrote, shown at once or while it is written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

POLL_SECONDS: Final = 0.2
LINES_OF_ONE: Final = 200
LINES_OF_EACH: Final = 10


def find(data: Path, name: str | None) -> dict[str, Path]:
    """Return the logs by name: one part's, or all.

    Raises:
        NotFoundError: there is no such log.
    """
    found = {it.stem: it for it in sorted(data.glob("*/*.log"))}
    found |= {it.stem: it for it in sorted(data.glob("*/*/*.log")) if it.stem == it.parent.name}
    if name is None:
        return found
    if name not in found:
        known = ", ".join(found) or "none yet"
        raise errors.NotFoundError("log.unknown", f"there is no log {name} in {data}; {known}")
    return {name: found[name]}


def show(data: Path, name: str | None, out: TextIO) -> None:
    """Write the end of the chosen logs."""
    count = LINES_OF_ONE if name else LINES_OF_EACH
    for part, path in find(data, name).items():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        out.writelines(_marked(part, line, is_alone=name is not None) for line in lines)


def follow(data: Path, name: str | None, out: TextIO) -> None:
    """Write the end of the chosen logs, and what is added to them, until interrupted."""
    show(data, name, out)
    seen = {path: path.stat().st_size for path in find(data, name).values()}
    while True:
        for part, path in find(data, name).items():
            size = path.stat().st_size
            # A shorter file is a new one: the old was rotated away.
            start = seen.get(path, 0) if seen.get(path, 0) <= size else 0
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(start)
                out.writelines(
                    _marked(part, line.rstrip("\n"), is_alone=name is not None) for line in file
                )
            seen[path] = size
        out.flush()
        time.sleep(POLL_SECONDS)


def _marked(part: str, line: str, *, is_alone: bool) -> str:
    return f"{line}\n" if is_alone else f"{part:<12} {line}\n"
