"""Policy mapping: which machines a revision gets. Pure functions of what there is and is requested.

machine-per-application   each application alone on a machine
machine-per-deployment    all of them together on one

Under both an application stays on its machine, and returns to one that was kept for it; and a
machine keeps its image: an application that needs packages which the image lacks goes to another
machine. The image of a new machine holds what the applications on it need together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shared import errors
from shared.contracts.deployments import MachineRequest

from .domain import Placement, Size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .domain import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Available:
    """What the provider offers, and what the deployment has of it."""

    sizes: tuple[Size, ...]
    machines: tuple[Machine, ...] = ()
    """Machines that are made, in order, each with the size and the image that it truly has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Applications that share a machine."""

    requests: tuple[MachineRequest, ...]
    machine: Machine | None = None
    """The one that it is; None: one that is not made yet."""

    def accepts(self, request: MachineRequest) -> bool:
        """Say whether another application can share the machine."""
        taken = {it.http_port for it in self.requests}
        if self.machine is None:
            return request.http_port not in taken
        # Who leaves may still run, and answer there.
        taken |= {*self.machine.placement.ports.values()}
        return request.http_port not in taken and _suffices(self.machine, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """How the applications of a revision meet the machines that the deployment has."""

    kept: tuple[tuple[Machine, Placement], ...]
    """Machines that go on, each with what it is to offer from now on."""
    new: tuple[Placement, ...]
    surplus: tuple[Machine, ...]
    """Machines whose applications the revision does not have, or has elsewhere."""


Policy = Callable[[Available, Sequence[MachineRequest]], Sequence[Company]]


def machine_per_application(
    available: Available, requests: Sequence[MachineRequest]
) -> Sequence[Company]:
    """Give each application that comes a machine of its own.

    Raises:
        InvalidError: an application cannot stay on its machine, and would lose its data elsewhere.
    """
    staying, coming = _at_home(available, requests)
    return [*staying, *(Company(requests=(it,)) for it in coming)]


def machine_per_deployment(
    available: Available, requests: Sequence[MachineRequest]
) -> Sequence[Company]:
    """Let those that come join a machine whose image suffices, or else share a new one.

    Raises:
        InvalidError: an application cannot stay on its machine, and would lose its data elsewhere.
    """
    staying, coming = _at_home(available, requests)
    companies = list(staying)
    for request in coming:
        for index, it in enumerate(companies):
            if it.accepts(request):
                companies[index] = replace(it, requests=(*it.requests, request))
                break
        else:
            companies.append(Company(requests=(request,)))
    return companies


POLICIES: Final[Mapping[str, Policy]] = {
    "machine-per-application": machine_per_application,
    "machine-per-deployment": machine_per_deployment,
}


def assign(
    policy: Policy,
    available: Available,
    requests: Sequence[MachineRequest],
    unmade: Sequence[Machine] = (),
) -> Assignment:
    """Match the applications of a revision with the machines of its deployment.

    Args:
        policy: which applications share a machine.
        available: what there is.
        requests: what the applications ask for.
        unmade: machines of the deployment that are only written down; they can become anything.

    Raises:
        InvalidError: no offered size is large enough, or an application would lose its data.
    """
    left = list(unmade)
    kept: list[tuple[Machine, Placement]] = []
    new: list[Placement] = []
    for company in policy(available, requests):
        placement = _placement(available.sizes, company)
        machine = company.machine or _first_holding(placement, left)
        if machine is None:
            new.append(placement)
        else:
            kept.append((machine, placement))
            left = [it for it in left if it is not machine]
    used = {machine.name for machine, _ in kept}
    surplus = tuple(it for it in (*available.machines, *unmade) if it.name not in used)
    return Assignment(kept=tuple(kept), new=tuple(new), surplus=surplus)


def _at_home(
    available: Available, requests: Sequence[MachineRequest]
) -> tuple[Sequence[Company], Sequence[MachineRequest]]:
    """Return those that stay, by machine, and those that need a place, in a fixed order."""
    ordered = sorted(requests, key=lambda it: it.application)
    homes = [(_home(available, it), it) for it in ordered]
    staying = (
        Company(machine=machine, requests=tuple(it for home, it in homes if home is machine))
        for machine in available.machines
    )
    return [it for it in staying if it.requests], [it for home, it in homes if home is None]


def _home(available: Available, request: MachineRequest) -> Machine | None:
    """Return the machine that an application stays on.

    Raises:
        InvalidError: it has outgrown the one that holds its data.
    """
    holding = [it for it in available.machines if request.application in it.placement.ports]
    fitting = [it for it in holding if _suffices(it, request)]
    if fitting:
        return fitting[0]
    lived_in = [it for it in holding if it.holds_data]
    if lived_in and request.keeps_data:
        raise _outgrown(lived_in[0], request)
    return None


def _outgrown(machine: Machine, request: MachineRequest) -> errors.InvalidError:
    lacking = sorted({*request.image_packages} - {*machine.placement.image_packages})
    way_out = "make a backup and restore it as a new deployment"
    if machine.kept_until:
        way_out = (
            "add it in the version that it had, or as a new deployment; or begin with nothing when "
            f"that machine is not kept any more, after {machine.kept_until:%Y-%m-%d %H:%M} UTC"
        )
    return errors.InvalidError(
        "machine.image_packages",
        f"{request.application} needs {', '.join(lacking)} by now, and {machine.name}, which "
        f"holds its data, keeps its image for life; {way_out}",
    )


def _suffices(machine: Machine, request: MachineRequest) -> bool:
    return {*request.image_packages} <= {*machine.placement.image_packages}


def _first_holding(placement: Placement, machines: Sequence[Machine]) -> Machine | None:
    wanted = {*placement.ports}
    return next((it for it in machines if wanted & {*it.placement.ports}), None)


def _placement(sizes: Sequence[Size], company: Company) -> Placement:
    requests, machine = company.requests, company.machine
    needed = Size(
        cpus=max(it.cpus for it in requests),
        memory_mib=sum(it.memory_mib for it in requests),
        disk_gib=sum(it.disk_gib for it in requests),
    )
    packages = {name for it in requests for name in it.image_packages}
    return Placement(
        ports={it.application: it.http_port for it in requests},
        size=_grown(sizes, machine.placement.size, needed) if machine else _smallest(sizes, needed),
        image_packages=machine.placement.image_packages if machine else tuple(sorted(packages)),
    )


def _grown(sizes: Sequence[Size], size: Size, needed: Size) -> Size:
    """Return the size of a machine that has one: no smaller one, which would interrupt it."""
    if size.covers(needed):
        return size
    larger = _smallest(sizes, needed)
    return replace(larger, disk_gib=max(size.disk_gib, larger.disk_gib))


def _smallest(sizes: Sequence[Size], wanted: Size) -> Size:
    """Return the smallest offered size that is large enough."""
    enough = [it for it in sizes if it.covers(wanted)]
    if not enough:
        raise errors.InvalidError(
            "placement.too_large", f"this provider offers no machine with {wanted}"
        )
    return min(enough, key=lambda it: (it.memory_mib, it.disk_gib, it.cpus))
