"""All that carries the state of applications, put together: exports, imports, the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.storage import StateExportRequested, StateImportRequested

from .exporting import Exporting
from .halting import Halting
from .importing import Importing
from .reverting import Reverting
from .running import Running
from .trying import Trying

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared import jobs
    from shared.bus.consumer import Routes

    from ..ports import (
        ApplicationSecrets,
        Conditions,
        HealthProbe,
        Hosts,
        Revisions,
        Transfers,
    )
    from .contents import Contents
    from .health import Transactions
    from .keeping import Keeping
    from .placing import Placing
    from .verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """The jobs that carry state."""

    revisions: Revisions
    secrets: ApplicationSecrets
    transfers: Transfers
    hosts: Hosts
    probe: HealthProbe
    keeping: Keeping
    placing: Placing
    contents: Contents
    verdict: Verdict
    conditions: Conditions
    transaction: Transactions

    @property
    def running(self) -> Running:
        """What works on machines as the last deploy left them."""
        return Running(
            revisions=self.revisions,
            contents=self.contents,
            conditions=self.conditions,
            transaction=self.transaction,
        )

    @property
    def halting(self) -> Halting:
        """What stops and starts single applications."""
        return Halting(hosts=self.hosts, catalogue=self.keeping.catalogue, placing=self.placing)

    @property
    def trying(self) -> Trying:
        """What finds out whether applications are well."""
        return Trying(
            running=self.running,
            halting=self.halting,
            hosts=self.hosts,
            probe=self.probe,
            verdict=self.verdict,
        )

    @property
    def reverting(self) -> Reverting:
        """The job that takes an import back."""
        return Reverting(
            running=self.running,
            halting=self.halting,
            secrets=self.secrets,
            transfers=self.transfers,
            trying=self.trying,
        )

    @property
    def exporting(self) -> Exporting:
        """The job that saves state."""
        return Exporting(
            running=self.running,
            reverting=self.reverting,
            hosts=self.hosts,
            secrets=self.secrets,
            transfers=self.transfers,
            keeping=self.keeping,
        )

    @property
    def importing(self) -> Importing:
        """The job that brings state in."""
        return Importing(
            running=self.running,
            halting=self.halting,
            reverting=self.reverting,
            trying=self.trying,
            hosts=self.hosts,
            secrets=self.secrets,
            transfers=self.transfers,
            keeping=self.keeping,
        )

    def routes(self) -> Routes:
        """List what these jobs are asked by."""
        return {
            StateExportRequested: self.exporting.on_requested,
            StateImportRequested: self.importing.on_requested,
        }

    def kinds(self) -> Sequence[jobs.Kind]:
        """List the jobs."""
        return (self.exporting.kind(), self.importing.kind(), self.reverting.kind())
