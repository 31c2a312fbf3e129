"""What goes into a machine's memory at every boot: the start permit and the secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import render
from ..domain import Permit

if TYPE_CHECKING:
    from shared.contracts.deployments import GrantedMachine
    from shared.sealing import Unsealer

    from ..domain import Revision, System
    from ..ports import ApplicationSecrets, Hosts, Revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Places permits and secrets."""

    revisions: Revisions
    secrets: ApplicationSecrets
    hosts: Hosts
    unsealer: Unsealer

    async def place(
        self, revision: Revision, machine: GrantedMachine, system: System, boot_id: str
    ) -> None:
        """Let the units of a system start in this boot, with their secrets.

        Raises:
            RebootedError: this boot is over.
        """
        kept = await self.secrets.of(revision.wanted.deployment)
        sources = render.secret_sources(revision, machine, kept)
        secrets = {
            application: {name: self.unsealer.unseal(it).encode() for name, it in files.items()}
            for application, files in sources.items()
        }
        wanted = revision.wanted
        hosts = [it.host for it in wanted.applications if it.application in machine.applications]
        epoch = await self.revisions.epoch(wanted.deployment, wanted.domain, hosts)
        permit = Permit(epoch=epoch, boot_id=boot_id)
        await self.hosts.at(machine).place(system, permit, secrets)
