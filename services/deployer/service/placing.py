"""What goes into a machine's memory at every boot: the start permit and the secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import Mode

from .. import render
from ..domain import NO_EPOCH, Permit

if TYPE_CHECKING:
    from shared.contracts.deployments import GrantedMachine
    from shared.sealing import Unsealer

    from ..domain import Generation, Revision, System
    from ..ports import ApplicationSecrets, Hosts, Revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Places permits and secrets."""

    revisions: Revisions
    secrets: ApplicationSecrets
    hosts: Hosts
    unsealer: Unsealer

    async def place(
        self, revision: Revision, machine: GrantedMachine, system: System, permit: Permit
    ) -> None:
        """Let the units of a system start in a boot, with their secrets.

        Raises:
            RebootedError: this boot is over.
            ConflictError: the machine's disk is an old copy.
        """
        kept = await self.secrets.of(revision.wanted.deployment)
        sources = render.secret_sources(revision, machine, kept)
        secrets = {
            application: {name: self.unsealer.unseal(it).encode() for name, it in files.items()}
            for application, files in sources.items()
        }
        await self.hosts.at(machine).place(system, permit, secrets)

    async def epoch(self, revision: Revision, machine: GrantedMachine) -> int:
        """Return the epoch under which the applications of a machine may run.

        Raises:
            ConflictError: another deployment answers for one of their hosts.
        """
        wanted = revision.wanted
        if wanted.mode is not Mode.ACTIVE:
            return NO_EPOCH
        hosts = [it.host for it in wanted.applications if it.application in machine.applications]
        return await self.revisions.epoch(wanted.deployment, wanted.domain, hosts)

    async def renew(
        self, revision: Revision, machine: GrantedMachine, generation: Generation, boot_id: str
    ) -> None:
        """Let the units of the system that a machine was left with start in another boot.

        Only a deploy brings them under a later epoch: nobody else knows that they are still meant.

        Raises:
            RebootedError: this boot is over.
            ConflictError: they may not start any more, or the machine's disk is an old copy.
        """
        epoch = await self.epoch(revision, machine)
        if epoch > generation.epoch:
            raise errors.ConflictError(
                "permit.overtaken",
                f"{machine.machine} was not started: it was deployed under epoch "
                f"{generation.epoch}, and its hosts have come to epoch {epoch} since; deploy again "
                "if this is where they belong",
            )
        permit = Permit(epoch=epoch, boot_id=boot_id, known=generation.epoch)
        await self.place(revision, machine, generation.system, permit)
