"""The memory of this host: what it can still give, and what is said when that is too little."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from ...domain import Size

MEMINFO: Final = Path("/proc/meminfo")
FULL: Final = "machine.memory_full"


def available_mib() -> int:
    """Return what programs can get before the host has to swap, as Linux estimates it."""
    lines = (it.split() for it in MEMINFO.read_text().splitlines())
    return next(int(kib) // 1024 for name, kib, *_ in lines if name == "MemAvailable:")


def check(name: str, had_mib: int, size: Size) -> None:
    """Refuse to begin what would fail for lack of memory.

    Args:
        name: the machine.
        had_mib: what it has by now.
        size: what it is to have.

    Raises:
        FaultError: the host has less memory available than that is more.
    """
    wanted, left = size.memory_mib - had_mib, available_mib()
    if wanted > left:
        raise errors.FaultError(
            FULL,
            f"this host has {left} MiB of memory available, and {name} needs {wanted} MiB more for "
            f"{size}; nothing was changed. Free some, see: free -m; or choose what needs less",
        )


def refused(name: str, size: Size) -> errors.FaultError:
    """Return the error that says that a machine did not get its memory when it was started."""
    return errors.FaultError(
        FULL, f"this host has no {size.memory_mib} MiB of memory left for {name}; see: free -m"
    )
