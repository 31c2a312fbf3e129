"""What a story looks at, and what it saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """Something that has to be true in the end, and what was seen."""

    name: str
    ok: bool
    seen: str

    def document(self) -> dict[str, object]:
        """Return what is written with `--json`."""
        return {"name": self.name, "ok": self.ok, "seen": self.seen}
