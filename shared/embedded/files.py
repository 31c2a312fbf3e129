"""Files that are whole or absent: written aside, flushed, then renamed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TRAVERSABLE = 0o711


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file by this text, or leave the old one untouched."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    aside.replace(path)


def directory(path: Path, *, mode: int = TRAVERSABLE) -> Path:
    """Return a directory of ours with exactly this mode; what lies above is left as it is."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path
