"""Ports inside machines: each application of a deployment has one of its own, and keeps it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SSH: Final = 22
SPARE: Final = 8080
"""Where the search for a port begins when an application cannot have its own."""


def assign(wanted: Mapping[str, int], earlier: Iterable[tuple[str, int]] = ()) -> dict[str, int]:
    """Return the port of each application.

    An application keeps the port that it had; the others get the port of their package when it is
    free, else the next free one. What an application had that left is not free yet: it may still
    run, and answer there.

    Args:
        wanted: the applications, and the ports of their packages.
        earlier: applications and their ports in what was deployed before; where that contradicts
            itself, the first counts.
    """
    held: dict[str, int] = {}
    for application, port in earlier:
        if application not in held and port not in held.values():
            held[application] = port
    taken = {SSH, *held.values()}
    found = {name: held[name] for name in wanted if name in held}
    # Whatever order they are asked for in, the outcome is the same.
    newcomers = sorted({*wanted} - {*found})
    for name in newcomers:
        if wanted[name] not in taken:
            found[name] = wanted[name]
            taken.add(wanted[name])
    for name in newcomers:
        if name not in found:
            found[name] = next(it for it in itertools.count(SPARE) if it not in taken)
            taken.add(found[name])
    return found
