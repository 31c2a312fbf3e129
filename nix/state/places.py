"""Folders of the application, opened so that no link leads anywhere else.

The application may change what is above its folders at any time; therefore each step of a path is
taken from the folder that was opened before it, and what was opened is used from then on.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEP: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened(path: Path) -> Iterator[int | None]:
    """Yield a folder for the length of a block; None where there is none.

    Raises:
        StateError: it is something else, or behind a link.
    """
    number = _found(path)
    try:
        yield number
    finally:
        if number is not None:
            os.close(number)


def _found(path: Path) -> int | None:
    current = os.open("/", STEP)
    try:
        for part in path.parts[1:]:
            following = os.open(part, STEP, dir_fd=current)
            os.close(current)
            current = following
    except FileNotFoundError:
        os.close(current)
        return None
    except NotADirectoryError:
        os.close(current)
        raise StateError(
            "path.unusable",
            f"{path} must be a folder and not behind a link: put the folder itself there",
        ) from None
    return current


def through(number: int) -> str:
    """Return a path that means an open folder, also for whoever may not pass those above it."""
    return f"/proc/self/fd/{number}"
