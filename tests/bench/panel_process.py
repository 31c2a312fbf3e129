"""What the panel's process takes of the computer, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

MEGA = 1_000_000


def resident_mb(panel: PanelRig) -> float:
    """Return the most memory that the process ever had."""
    status = (_place(panel) / "status").read_text(encoding="ascii")
    [line] = [it for it in status.splitlines() if it.startswith("VmHWM:")]
    return round(int(line.split()[1]) * 1024 / MEGA, 1)


def busy_ms(panel: PanelRig) -> float:
    """Return how long the process has computed so far; other work on the computer counts not."""
    fields = (_place(panel) / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def _place(panel: PanelRig) -> Path:
    assert panel.child.identity is not None
    return Path("/proc") / str(panel.child.identity.pid)
