"""The watch over what machines hold in memory: lost at each boot, brought back from here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared import errors, jobs, telemetry

from ..domain import RebootedError

if TYPE_CHECKING:
    from shared.contracts.deployments import GrantedMachine

    from ..domain import Generation, Revision, Sighting
    from ..ports import Hosts, Revisions
    from .placing import Placing
    from .timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Looks for boots that nobody has placed secrets and permit for."""

    revisions: Revisions
    hosts: Hosts
    placing: Placing
    timing: Timing
    _known: dict[str, tuple[str, Revision]] = field(default_factory=dict)
    """Deployment → run and revision; a revision never changes."""

    def watch(self) -> jobs.Watch:
        """Describe the watch."""
        return jobs.Watch("contents", self.look, every_seconds=self.timing.between_looks)

    async def look(self, deployment: str) -> None:
        """Give every machine that has booted again what its units need."""
        generations = await self.revisions.generations(deployment)
        await asyncio.gather(*(self._look(deployment, it) for it in generations))

    async def _look(self, deployment: str, generation: Generation) -> None:
        try:
            revision = await self._revision(deployment, generation)
            machine = next(it for it in revision.machines if it.machine == generation.machine)
            await self.restore(revision, machine, generation)
        except (errors.UnavailableError, RebootedError):
            return  # provisioner brings it back; the next look finds it
        except (errors.FaultError, errors.ConflictError) as error:
            telemetry.log.warning("contents_not_restored", reason=error.in_full)

    async def restore(
        self, revision: Revision, machine: GrantedMachine, generation: Generation
    ) -> str:
        """Return the boot of a machine, once it has what its units need for that.

        Raises:
            UnavailableError: it does not answer.
            RebootedError: it has booted meanwhile.
            FaultError: it runs a system that it was not left with, or its units do not start.
            ConflictError: its units may not start; the generation says why from now on.
        """
        deployment, host = revision.wanted.deployment, self.hosts.at(machine)
        seen = await host.look()
        if seen.boot_id == generation.boot_id:
            return seen.boot_id
        if is_strange(generation, seen):
            raise errors.FaultError(
                "machine.strange_system",
                f"{machine.machine} runs another system than it was left with",
            )
        try:
            await self.placing.renew(revision, machine, generation, seen.boot_id)
        except errors.ConflictError as error:
            await self.revisions.refused(deployment, machine.machine, error.message)
            raise
        await host.start(seen.boot_id, generation.system)
        await self.revisions.booted(deployment, machine.machine, seen.boot_id)
        telemetry.log.info("contents_restored", deployment=deployment, machine=machine.machine)
        return seen.boot_id

    async def _revision(self, deployment: str, generation: Generation) -> Revision:
        run, revision = self._known.get(deployment, ("", None))
        if revision is None or run != generation.run:
            revision = await self.revisions.revision(
                deployment, generation.revision, generation.run
            )
            self._known[deployment] = (generation.run, revision)
        return revision


def is_strange(generation: Generation, seen: Sighting) -> bool:
    """Say whether a machine booted into another system than it was left with."""
    return seen.boot_id != generation.boot_id and seen.system != generation.system
