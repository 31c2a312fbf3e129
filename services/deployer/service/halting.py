"""Applications stand still while their state is exchanged, and come up again on one of the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import render
from ..domain import FolderVerb, UnitVerb
from .state_request import has_state

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from shared.catalogue import Application, Catalogue

    from ..domain import Folder
    from ..ports import Hosts
    from .placing import Placing
    from .running import Left, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Halting:
    """Stops and starts the units of single applications, beside others that go on."""

    hosts: Hosts
    catalogue: Catalogue
    placing: Placing

    def packages(self, visit: Visit, names: Collection[str]) -> Sequence[Application]:
        """Return the packages of those of some applications that are on a machine."""
        return [self.catalogue.get(it) for it in sorted({*names} & {*visit.machine.applications})]

    async def halt(self, visit: Visit, left: Left, package: Application) -> None:
        """Stop every unit, and let nothing start those that must not see data come and go."""
        host, units = self.hosts.at(visit.machine), _units(package, left)
        engines = render.engines_of(package)
        workers = [it for it in units if it not in engines]
        await host.units(visit.boot_id, UnitVerb.MASK, workers[::-1])
        await host.units(visit.boot_id, UnitVerb.STOP, units[::-1])

    async def fold(
        self, visit: Visit, verb: FolderVerb, package: Application, export: str
    ) -> Folder | None:
        """Do something with the folder of an application that has state in it."""
        if not has_state(package):
            return None
        return await self.hosts.at(visit.machine).folder(visit.boot_id, verb, package.name, export)

    async def place(self, visit: Visit, left: Left) -> None:
        """Give a machine the secrets that count now."""
        await self.placing.renew(left.revision, visit.machine, visit.generation, visit.boot_id)

    async def start_engines(self, visit: Visit, package: Application) -> None:
        """Start what holds the data."""
        host = self.hosts.at(visit.machine)
        await host.units(visit.boot_id, UnitVerb.START, render.engines_of(package))

    async def bring_up(self, visit: Visit, left: Left, package: Application) -> None:
        """Start every unit that is meant to run."""
        host, units = self.hosts.at(visit.machine), _units(package, left)
        if left.is_still:
            units = render.engines_of(package)
        await host.units(visit.boot_id, UnitVerb.UNMASK, units)
        await host.units(visit.boot_id, UnitVerb.START, units)


def _units(package: Application, left: Left) -> Sequence[str]:
    return render.units_of(package, left.revision.wanted.mode)
