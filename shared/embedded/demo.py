"""The demo: everything up, a story told on it, then left running or stopped.

The story is in `story`; what surrounds it is in the command line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .supervisor import Supervisor


@dataclass(slots=True, kw_only=True)
class Told:
    """What the story did and saw, as it is written with `--json`."""

    ok: bool = True
    parts: dict[str, str] = field(default_factory=dict)
    stories: dict[str, Any] = field(default_factory=dict)
    urls: tuple[str, ...] = ()
    """What a person may open now."""

    def document(self) -> dict[str, Any]:
        """Return what is written with `--json`."""
        return {"ok": self.ok, "parts": self.parts, "stories": self.stories}


async def story(it: Supervisor, report: Callable[[str], None]) -> Told:
    """Tell the story."""
    report(f"the panel is at {it.installation.panel_url}")
    return Told(urls=(it.installation.panel_url,))
