"""Deployer's jobs on machines, builder and health that are in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from services.deployer.adapters import process
from services.deployer.adapters.cryptography import CryptographySecretMaker
from services.deployer.adapters.nix import Nix
from services.deployer.adapters.ssh import SshHost
from services.deployer.domain import Generation
from services.deployer.service import Deployer, Timing
from shared import ids, jobs
from shared.sealing import Sealer, Unsealer, new_identity
from tests.support.clock import FixedClock
from tests.support.deployments import DEPLOYMENT, RUN, a_bucket, a_renderer, a_revision
from tests.support.fakes.application_secrets import FakeApplicationSecrets
from tests.support.fakes.certificates import FakeCertificates
from tests.support.fakes.conditions import FakeConditions
from tests.support.fakes.health_probe import FakeHealthProbe
from tests.support.fakes.host import FakeHosts
from tests.support.fakes.revisions import FakeRevisions
from tests.support.fakes.secret_maker import FakeSecretMaker
from tests.support.fakes.system_builder import FakeSystemBuilder
from tests.support.fakes.transaction import no_transaction
from tests.support.fakes.transfers import FakeTransfers

from .errands import BLOG, ENGINE, NAMES, Errands, deployed, finished
from .scripted import NAME, ScriptedConnection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.deployer.domain import Revision
    from services.deployer.ports import SecretMaker
    from shared.contracts.messages import Event, Value
    from shared.contracts.progress import StepState
    from shared.contracts.state import SavedApplication
    from shared.database import Transaction
    from shared.jobs import Report
    from tests.support.fakes.host import FakeHost

TIMING = Timing(health=0.05, confirmation=0.1, watchdog=60, between_questions=0.01)
RENDERER = a_renderer()
WORTH_HIDING = "the key"


@dataclass(kw_only=True)
class Rig:
    """Everything around the jobs of one deployment."""

    revisions: FakeRevisions = field(default_factory=FakeRevisions)
    kept: FakeApplicationSecrets = field(default_factory=FakeApplicationSecrets)
    transfers: FakeTransfers = field(default_factory=FakeTransfers)
    maker: SecretMaker = field(default_factory=CryptographySecretMaker)
    hosts: FakeHosts = field(default_factory=FakeHosts)
    probe: FakeHealthProbe = field(default_factory=FakeHealthProbe)
    builder: FakeSystemBuilder = field(default_factory=FakeSystemBuilder)
    unsealer: Unsealer
    panel: Unsealer
    sealer: Sealer
    revision: Revision
    results: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, Any] = field(default_factory=dict)
    is_cancelled: bool = False
    certificates: FakeCertificates = field(default_factory=FakeCertificates)
    conditions: FakeConditions = field(default_factory=FakeConditions)
    clock: FixedClock = field(default_factory=FixedClock)
    said: list[Event] = field(default_factory=list)

    @property
    def deployer(self) -> Deployer:
        return Deployer(
            revisions=self.revisions,
            secrets=self.kept,
            transfers=self.transfers,
            renderer=RENDERER,
            builder=self.builder,
            hosts=self.hosts,
            probe=self.probe,
            maker=self.maker,
            sealer=self.sealer,
            unsealer=self.unsealer,
            certificates=self.certificates,
            conditions=self.conditions,
            transaction=no_transaction,
            clock=self.clock,
            timing=TIMING,
            say=self.hear,
        )

    async def hear(self, _: Transaction, event: Event) -> None:
        """Take what is said instead of an outbox."""
        self.said.append(event)

    def leave_running(self) -> None:
        """Remember what runs, as the end of a run does."""
        self.revisions.kept[DEPLOYMENT] = [
            Generation(
                machine=machine,
                number=1,
                system=system,
                boot_id=self.host.boot_id,
                revision=1,
                run=RUN,
            )
            for machine, system in self.builder.kept.items()
        ]

    @property
    def host(self) -> FakeHost:
        return self.hosts.at(self.revision.machines[0])

    def job(self, *, attempt: int = 1, run: str = "", asked: Value | None = None) -> jobs.Job:
        async def tell(_: Report, __: StepState) -> None:
            return

        return jobs.Job(
            id=ids.new_id(),
            kind="deploy",
            deployment=DEPLOYMENT,
            revision=self.revision.wanted.revision,
            run=run or self.revision.wanted.run,
            attempt=attempt,
            arguments=asked.model_dump(mode="json") if asked else {},
            results=self.results,
            earlier=self.earlier,
            tell=tell,
            is_cancelled=self.is_cancelled,
        )

    async def run(self, *names: str, attempt: int = 1) -> None:
        """Do these steps, or all that are left, and record what they result in."""
        steps = self.deployer.deploying.kind().steps
        for step in steps:
            if (not names and step.name not in self.results) or step.name in names:
                result = await step.do(self.job(attempt=attempt))
                recorded: Mapping[str, Any] = result.model_dump(mode="json") if result else {}
                self.results[step.name] = self.earlier[step.name] = recorded

    def sealed(self, secret: str) -> str:
        return self.sealer.seal("deployer", secret)

    def back_to(self, name: str) -> None:
        """Forget, for this run, the results from a step on."""
        keep = self.deployer.deploying.kind().before(name)
        self.results = {step: it for step, it in self.results.items() if step in keep}

    def wish_for(self, revision: Revision) -> None:
        """Begin with a new revision."""
        self.revision = revision
        self.revisions.know(revision)
        self.results.clear()


@pytest.fixture
def rig() -> Rig:
    identity, recipient = new_identity()
    panel, recipient_of_panel = new_identity()
    sealer = Sealer({"deployer": recipient, "panel": recipient_of_panel})
    bucket = a_bucket(sealed=sealer.seal("deployer", WORTH_HIDING))
    found = Rig(
        unsealer=Unsealer(identity),
        panel=Unsealer(panel),
        sealer=sealer,
        revision=a_revision(buckets=(bucket,)),
    )
    found.wish_for(found.revision)
    return found


@pytest.fixture
async def errands(rig: Rig) -> Errands:
    """Deploy a blog that has posts and runs."""
    rig.maker = FakeSecretMaker()
    await deployed(rig)
    rig.host.state = {"microblog": "posts of then"}
    rig.host.running = {BLOG, ENGINE, "hello"}
    return Errands(rig=rig)


@pytest.fixture
async def saved(errands: Errands) -> tuple[SavedApplication, ...]:
    """Return a backup of a blog with other secrets, whose posts have changed since."""
    found = await errands.saved(*NAMES)
    errands.steps.clear()
    rig = errands.rig
    rig.kept.kept.clear()
    rig.results.clear()
    await finished(rig)
    rig.host.state["microblog"] = "posts of now"
    rig.host.carried.clear()
    return found


@pytest.fixture
def connection(tmp_path: Path) -> ScriptedConnection:
    return ScriptedConnection(
        machine=NAME, configuration=tmp_path / "conf", socket=tmp_path / "s", run=process.run
    )


@pytest.fixture
def host(connection: ScriptedConnection) -> SshHost:
    return SshHost(connection=connection, nix=Nix(store=None))
