"""The modules of an application's package, imported as it does itself: by their bare names."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextmanager
def imported(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the modules of a folder by name, and forget them in the end."""
    sys.path.insert(0, str(folder))
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)
