"""Which units a machine has, and which of them stand still in a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.deployments import Mode

from .. import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import Application, Catalogue
    from shared.contracts.deployments import GrantedMachine


def packages(catalogue: Catalogue, machine: GrantedMachine) -> Sequence[Application]:
    """Return the packages of the applications on a machine, in the order in which they start."""
    return [catalogue.get(name) for name in sorted(machine.applications)]


def every(catalogue: Catalogue, machine: GrantedMachine) -> Sequence[str]:
    """Return the units of a machine, in the order in which they start."""
    return [name for package in packages(catalogue, machine) for name in of(package)]


def of(package: Application) -> Sequence[str]:
    """Return the units of an application that runs, in the order in which they start."""
    return render.units_of(package, Mode.ACTIVE)


def stopped(catalogue: Catalogue, machine: GrantedMachine) -> Sequence[str]:
    """Return the units that stand still in a pause, in the order in which they stop."""
    return [name for package in packages(catalogue, machine) for name in _stopped(package)]


def _stopped(package: Application) -> Sequence[str]:
    return package.state.units.stop or of(package)[::-1]
