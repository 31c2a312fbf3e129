"""What is said while it is done: one line of JSON each, not more often than somebody can read."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from typing import TextIO

PAUSE_SECONDS: Final = 0.5


class Progress:
    """Says how far things are."""

    def __init__(self, stream: TextIO, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._stream = stream
        self._pause = pause_seconds
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}

    def report(self, what: str, done: int, total: int | None, unit: str) -> None:
        """Say how far something is, unless that was said a moment ago."""
        now = time.monotonic()
        with self._lock:
            is_end = done == total
            if not is_end and now - self._said.get(what, -self._pause) < self._pause:
                return
            self._said[what] = now
        self.say({"progress": {"what": what, "done": done, "total": total, "unit": unit}})

    def say(self, document: dict[str, Any]) -> None:
        """Write a line."""
        line = json.dumps(document, separators=(",", ":"))
        with self._lock:
            self._stream.write(f"{line}\n")
            self._stream.flush()
