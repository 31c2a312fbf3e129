"""Whether applications are well on the state that they were given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.catalogue import StateSecret

    from ..ports import HealthProbe, Hosts
    from .halting import Halting
    from .running import Left, Running, Visit
    from .verdict import Verdict

GOOD: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trying:
    """Asks applications how they are, looks at their pages, and tries their secrets."""

    running: Running
    halting: Halting
    hosts: Hosts
    probe: HealthProbe
    verdict: Verdict

    async def require_well(self, left: Left, applications: Collection[str]) -> None:
        """Return when all of it is well.

        Raises:
            FaultError: something is not.
            UnavailableError: a machine does not answer, or has booted meanwhile.
        """

        async def ask() -> list[str]:
            return await self.ailments(left, applications) or await self._unfit(left, applications)

        await self.running.require_well(left, ask)

    async def ailments(self, left: Left, applications: Collection[str]) -> list[str]:
        """Return what is wrong with applications that are meant to run."""
        if left.is_still:
            return []
        return await self.verdict.sick(left.narrowed(applications)) or await self._bad(
            left, applications
        )

    async def _unfit(self, left: Left, applications: Collection[str]) -> list[str]:
        """Return which secrets do not fit the data."""

        async def try_here(visit: Visit) -> list[str]:
            host = self.hosts.at(visit.machine)
            return [
                f"the secret {' or '.join(names)} of {package.name} does not fit its data: {why}"
                for package in self.halting.packages(visit, applications)
                for probe, names in _probes(package.state.secrets).items()
                if (why := await host.perform(visit.boot_id, package.name, probe))
            ]

        found = await self.running.everywhere(left, try_here)
        return [it for here in found.values() for it in here]

    async def _bad(self, left: Left, applications: Collection[str]) -> list[str]:
        """Return which pages do not look as they should."""
        return [
            f"{place.application} answers {check.path} with {ailment}"
            for place in left.narrowed(applications).places()
            for check in self.halting.catalogue.get(place.application).state.checks
            if check.status in GOOD
            if (ailment := await self.probe.ask(place.endpoint, place.host, check.path))
        ]


def _probes(secrets: Sequence[StateSecret]) -> Mapping[tuple[str, ...], Sequence[str]]:
    """Return each command that tries secrets, once, with the names of those that it tries."""
    found: dict[tuple[str, ...], list[str]] = {}
    for it in secrets:
        if it.probe:
            found.setdefault(tuple(it.probe), []).append(it.name)
    return found
