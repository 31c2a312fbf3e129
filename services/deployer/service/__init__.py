"""What deployer does: join facts, deploy what is complete, keep it alive, forget the removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import jobs
from shared.bus import outbox
from shared.contracts.panel import (
    CancelRequested,
    DeploymentRemovalRequested,
    DeploymentRequested,
    QuiesceRequested,
    RestartRequested,
    ResumeRequested,
)
from shared.contracts.provisioner import VMReady
from shared.contracts.storage import StorageReady

from .cancelling import Cancelling
from .carrying import Carrying
from .contents import Contents
from .deploying import Deploying
from .forgetting import Forgetting
from .health import Health, Say, Transactions
from .keeping import ADDRESSEE, OWNER, Keeping
from .pausing import Pausing
from .placing import Placing
from .timing import Timing
from .verdict import Verdict
from .withdrawing import Withdrawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bus.consumer import Routes
    from shared.clock import Clock
    from shared.contracts.messages import Event, RevisionEvent, RunEvent
    from shared.database import Transaction
    from shared.sealing import Sealer, Unsealer

    from ..ports import (
        ApplicationSecrets,
        Certificates,
        Conditions,
        HealthProbe,
        Hosts,
        Revisions,
        SecretMaker,
        SystemBuilder,
        Transfers,
    )
    from ..render import Renderer

__all__ = [
    "ADDRESSEE",
    "OWNER",
    "Deployer",
    "Timing",
]


async def _say(tx: Transaction, event: Event) -> None:
    await outbox.add(tx, event, service="deployer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployer:
    """Brings revisions to run, as soon as machines and buckets are there."""

    revisions: Revisions
    secrets: ApplicationSecrets
    transfers: Transfers
    renderer: Renderer
    builder: SystemBuilder
    hosts: Hosts
    probe: HealthProbe
    maker: SecretMaker
    sealer: Sealer
    unsealer: Unsealer
    certificates: Certificates
    conditions: Conditions
    transaction: Transactions
    """Opens one, for what watches write."""
    clock: Clock
    timing: Timing
    say: Say = _say

    @property
    def keeping(self) -> Keeping:
        """What makes secrets and keeps them."""
        return Keeping(
            secrets=self.secrets,
            catalogue=self.renderer.catalogue,
            maker=self.maker,
            sealer=self.sealer,
            unsealer=self.unsealer,
        )

    @property
    def placing(self) -> Placing:
        """What places permits and secrets."""
        return Placing(
            revisions=self.revisions,
            secrets=self.secrets,
            hosts=self.hosts,
            unsealer=self.unsealer,
        )

    @property
    def deploying(self) -> Deploying:
        """The job that brings a revision to run."""
        return Deploying(
            revisions=self.revisions,
            renderer=self.renderer,
            builder=self.builder,
            hosts=self.hosts,
            keeping=self.keeping,
            placing=self.placing,
            verdict=self.verdict,
            withdrawing=self.withdrawing,
            conditions=self.conditions,
            settle=self.carrying.reverting.settle,
            timing=self.timing,
        )

    @property
    def carrying(self) -> Carrying:
        """The jobs that carry the state of applications."""
        return Carrying(
            revisions=self.revisions,
            secrets=self.secrets,
            transfers=self.transfers,
            hosts=self.hosts,
            probe=self.probe,
            keeping=self.keeping,
            placing=self.placing,
            contents=self.contents,
            verdict=self.verdict,
            conditions=self.conditions,
            transaction=self.transaction,
        )

    @property
    def verdict(self) -> Verdict:
        """What decides whether machines keep their systems."""
        return Verdict(hosts=self.hosts, probe=self.probe, timing=self.timing)

    @property
    def withdrawing(self) -> Withdrawing:
        """The job that ends cancelled deploys whose machines may have been switched."""
        return Withdrawing(revisions=self.revisions, hosts=self.hosts, timing=self.timing)

    @property
    def pausing(self) -> Pausing:
        """The jobs that stop and start what runs."""
        return Pausing(
            running=self.carrying.running,
            reverting=self.carrying.reverting,
            hosts=self.hosts,
            catalogue=self.renderer.catalogue,
            verdict=self.verdict,
            conditions=self.conditions,
            clock=self.clock,
        )

    @property
    def cancelling(self) -> Cancelling:
        """The job that answers cancelled runs in the place of others."""
        return Cancelling(revisions=self.revisions, timing=self.timing)

    @property
    def health(self) -> Health:
        """The watch over how applications are."""
        return Health(
            revisions=self.revisions,
            hosts=self.hosts,
            probe=self.probe,
            certificates=self.certificates,
            conditions=self.conditions,
            catalogue=self.renderer.catalogue,
            transaction=self.transaction,
            say=self.say,
            clock=self.clock,
            timing=self.timing,
        )

    @property
    def forgetting(self) -> Forgetting:
        """The job that forgets a deployment."""
        return Forgetting(
            revisions=self.revisions,
            kept=self.secrets,
            transfers=self.transfers,
            conditions=self.conditions,
            hosts=self.hosts,
            builder=self.builder,
        )

    @property
    def contents(self) -> Contents:
        """The watch over what machines hold in memory."""
        return Contents(
            revisions=self.revisions, hosts=self.hosts, placing=self.placing, timing=self.timing
        )

    async def on_deployment_requested(self, event: DeploymentRequested, tx: Transaction) -> None:
        """Remember the wish; facts of an earlier run complete nothing any more."""
        await self.revisions.want(tx, event)
        await self._learn(event, tx)
        if await jobs.is_cancelled(tx, event.run):
            await self._answer_for_others(tx, event)

    async def on_vm_ready(self, event: VMReady, tx: Transaction) -> None:
        """Remember the machines."""
        await self._learn(event, tx)

    async def on_storage_ready(self, event: StorageReady, tx: Transaction) -> None:
        """Remember the buckets."""
        await self._learn(event, tx)

    async def on_removal_requested(
        self, event: DeploymentRemovalRequested, tx: Transaction
    ) -> None:
        """Forget the deployment, whatever is being done for it."""
        await self.revisions.part(tx, event.deployment, event.run)
        for watch in self.watches():
            await jobs.stop_watch(tx, watch.name, event.deployment)
        await jobs.enqueue(
            tx, self.forgetting.kind().name, deployment=event.deployment, revision=0, run=event.run
        )

    async def on_cancel_requested(self, event: CancelRequested, tx: Transaction) -> None:
        """Let what is done for the run stop after its current step; see that somebody answers."""
        await jobs.cancel(tx, event.deployment, event.run)
        await self._answer_for_others(tx, event)

    async def on_restart_requested(self, event: RestartRequested, tx: Transaction) -> None:
        """Stop and start what runs."""
        await self._ask(tx, self.pausing.restart(), event)

    async def on_quiesce_requested(self, event: QuiesceRequested, tx: Transaction) -> None:
        """Let what runs stand still."""
        await self._ask(tx, self.pausing.quiesce(), event)

    async def on_resume_requested(self, event: ResumeRequested, tx: Transaction) -> None:
        """Let what stands still go on."""
        await self._ask(tx, self.pausing.resume(), event)

    async def _ask(self, tx: Transaction, kind: jobs.Kind, event: RunEvent) -> None:
        await jobs.enqueue(tx, kind.name, deployment=event.deployment, revision=0, run=event.run)

    async def _answer_for_others(self, tx: Transaction, event: RunEvent) -> None:
        """Answer a cancelled run for which there is no work here yet, should nobody else."""
        number = await self.revisions.lacking(event.deployment, event.run, tx)
        if number is not None:
            await jobs.enqueue(
                tx,
                self.cancelling.kind().name,
                deployment=event.deployment,
                revision=number,
                run=event.run,
            )

    async def _learn(self, fact: RevisionEvent, tx: Transaction) -> None:
        if await self.revisions.learn(tx, fact):
            await jobs.enqueue(
                tx,
                self.deploying.kind().name,
                deployment=fact.deployment,
                revision=fact.revision,
                run=fact.run,
            )

    def routes(self) -> Routes:
        """List what this service listens to."""
        return {
            DeploymentRequested: self.on_deployment_requested,
            DeploymentRemovalRequested: self.on_removal_requested,
            CancelRequested: self.on_cancel_requested,
            RestartRequested: self.on_restart_requested,
            QuiesceRequested: self.on_quiesce_requested,
            ResumeRequested: self.on_resume_requested,
            VMReady: self.on_vm_ready,
            StorageReady: self.on_storage_ready,
            **self.carrying.routes(),
        }

    def kinds(self) -> Sequence[jobs.Kind]:
        """List the work that this service does."""
        return (
            self.deploying.kind(),
            self.withdrawing.kind(),
            self.forgetting.kind(),
            self.pausing.restart(),
            self.pausing.quiesce(),
            self.pausing.resume(),
            self.cancelling.kind(),
            *self.carrying.kinds(),
        )

    def watches(self) -> Sequence[jobs.Watch]:
        """List what this service looks after."""
        return (self.contents.watch(), self.health.watch())
