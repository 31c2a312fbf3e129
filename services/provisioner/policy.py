"""Policy mapping: which machines a revision gets. Pure functions of what is offered and requested.

machine-per-application   each application alone on a machine
machine-per-deployment    all of them together on one
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import MachineRequest

from .domain import Placement, Size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .domain import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Available:
    """What the provider offers."""

    sizes: tuple[Size, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """How the placements of a revision meet the machines that the deployment has."""

    kept: tuple[tuple[Machine, Placement], ...]
    """Machines that go on, each with what it is to offer from now on."""
    new: tuple[Placement, ...]
    surplus: tuple[Machine, ...]
    """Machines whose applications the revision does not have."""


Policy = Callable[[Available, Sequence[MachineRequest]], tuple[Placement, ...]]


def machine_per_application(
    available: Available, requests: Sequence[MachineRequest]
) -> tuple[Placement, ...]:
    """Place each application on a machine of its own."""
    ordered = sorted(requests, key=lambda it: it.application)
    return tuple(_together(available, [it]) for it in ordered)


def machine_per_deployment(
    available: Available, requests: Sequence[MachineRequest]
) -> tuple[Placement, ...]:
    """Place all applications on one machine, as large as all of them together.

    Raises:
        InvalidError: no offered size is large enough, or they need several web servers.
    """
    return (_together(available, requests),) if requests else ()


POLICIES: Final[Mapping[str, Policy]] = {
    "machine-per-application": machine_per_application,
    "machine-per-deployment": machine_per_deployment,
}


def _together(available: Available, requests: Sequence[MachineRequest]) -> Placement:
    ports = sorted({it.http_port for it in requests})
    applications = tuple(sorted(it.application for it in requests))
    if len(ports) > 1:
        raise errors.InvalidError(
            "placement.http_ports",
            f"{', '.join(applications)} answer at the ports {', '.join(map(str, ports))} and "
            "cannot share a machine; place each on its own",
        )
    return Placement(
        applications=applications,
        size=_smallest(available, _sum(requests)),
        http_port=ports[0],
        image_packages=tuple(sorted({name for it in requests for name in it.image_packages})),
    )


def _sum(requests: Sequence[MachineRequest]) -> Size:
    return Size(
        cpus=max(it.cpus for it in requests),
        memory_mib=sum(it.memory_mib for it in requests),
        disk_gib=sum(it.disk_gib for it in requests),
    )


def _smallest(available: Available, wanted: Size) -> Size:
    """Return the smallest offered size that is large enough."""
    enough = [it for it in available.sizes if it.covers(wanted)]
    if not enough:
        raise errors.InvalidError(
            "placement.too_large", f"this provider offers no machine with {wanted}"
        )
    return min(enough, key=lambda it: (it.memory_mib, it.disk_gib, it.cpus))


def assign(machines: Sequence[Machine], placements: Sequence[Placement]) -> Assignment:
    """Match the machines of a deployment with placements, by the applications on them."""
    free = list(machines)
    kept: list[tuple[Machine, Placement]] = []
    new: list[Placement] = []
    for placement in placements:
        wanted = {*placement.applications}
        match = next((it for it in free if wanted & {*it.placement.applications}), None)
        if match is None:
            new.append(placement)
        else:
            free.remove(match)
            kept.append((match, placement))
    return Assignment(kept=tuple(kept), new=tuple(new), surplus=tuple(free))
