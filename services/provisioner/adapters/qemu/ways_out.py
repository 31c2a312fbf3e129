"""The doors of a machine: where it finds them, and where they led when it was started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.contracts.deployments import Doors, Endpoint

if TYPE_CHECKING:
    from pathlib import Path

# Where a machine finds its doors, at the same addresses on every runtime backend.
GUEST_DOORS: Final = Doors(
    s3=Endpoint(host="10.0.2.100", port=3900),
    mail=Endpoint(host="10.0.2.101", port=25),
    egress=Endpoint(host="10.0.2.102", port=3128),
)
RECORD: Final = "doors.json"


def inside(doors: Doors) -> Doors:
    """Return where a machine finds the doors that lead somewhere."""
    return Doors(
        s3=GUEST_DOORS.s3 if doors.s3 else None,
        mail=GUEST_DOORS.mail if doors.mail else None,
        egress=GUEST_DOORS.egress if doors.egress else None,
    )


def record(folder: Path, doors: Doors) -> None:
    """Write down where the doors of a machine lead that is about to start."""
    fresh = folder / f"{RECORD}.new"
    fresh.write_text(doors.model_dump_json())
    fresh.rename(folder / RECORD)


def read(folder: Path) -> Doors | None:
    """Return where the doors led when the machine was started last; None: nobody wrote it down."""
    try:
        return Doors.model_validate_json((folder / RECORD).read_text())
    except FileNotFoundError:
        return None
