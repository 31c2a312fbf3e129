"""What deployer remembers, in memory; transactions mean nothing to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.domain import FIRST_EPOCH, Generation, Revision, held_elsewhere
from services.deployer.ports import Revisions
from shared import errors
from shared.contracts.panel import DeploymentRequested
from shared.contracts.provisioner import VMReady
from shared.contracts.storage import StorageReady

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import GrantedMachine
    from shared.contracts.messages import RevisionEvent
    from shared.database import Transaction


@dataclass(kw_only=True)
class FakeRevisions(Revisions):
    """Keeps facts by revision and run, and the generations of each deployment."""

    wishes: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    """Deployment → run and revision of what is wanted."""
    facts: dict[tuple[str, int, str], dict[str, RevisionEvent]] = field(default_factory=dict)
    """Deployment, revision and run → name → fact."""
    kept: dict[str, list[Generation]] = field(default_factory=dict)
    epochs: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    """Domain and host → deployment and epoch."""

    def know(self, revision: Revision) -> None:
        """Hear of a revision and of all that was granted for it."""
        wanted = revision.wanted
        common = {"deployment": wanted.deployment, "revision": wanted.revision, "run": wanted.run}
        self._want(wanted.deployment, wanted.run, wanted.revision)
        facts: tuple[RevisionEvent, ...] = (
            wanted,
            VMReady(**common, machines=revision.machines),
            StorageReady(**common, buckets=revision.buckets),
        )
        key = (wanted.deployment, wanted.revision, wanted.run)
        self.facts[key] = {it.event_name(): it for it in facts}

    @override
    async def want(self, tx: Transaction, event: DeploymentRequested) -> None:
        self._want(event.deployment, event.run, event.revision)

    @override
    async def learn(self, tx: Transaction, fact: RevisionEvent) -> bool:
        found = self.facts.setdefault((fact.deployment, fact.revision, fact.run), {})
        found[fact.event_name()] = fact
        is_wanted = self.wishes.get(fact.deployment) == (fact.run, fact.revision)
        return is_wanted and len(found) == 3

    @override
    async def lacking(self, deployment: str, run: str, tx: Transaction | None = None) -> int | None:
        latest, number = self.wishes.get(deployment, ("", None))
        if latest != run or number is None:
            return None
        return number if len(self.facts.get((deployment, number, run), {})) < 3 else None

    @override
    async def part(self, tx: Transaction, deployment: str, run: str) -> None:
        self._want(deployment, run, None)

    def _want(self, deployment: str, run: str, revision: int | None) -> None:
        latest, _ = self.wishes.get(deployment, ("", None))
        if latest <= run:
            self.wishes[deployment] = (run, revision)

    @override
    async def revision(
        self, deployment: str, number: int, run: str, tx: Transaction | None = None
    ) -> Revision:
        found = self.facts.get((deployment, number, run), {})
        wanted = found.get(DeploymentRequested.event_name())
        machines = found.get(VMReady.event_name())
        buckets = found.get(StorageReady.event_name())
        if (
            isinstance(wanted, DeploymentRequested)
            and isinstance(machines, VMReady)
            and isinstance(buckets, StorageReady)
        ):
            return Revision(
                wanted=wanted, machines=machines.machines, buckets=tuple(buckets.buckets)
            )
        known = ", ".join(sorted(found)) or "nothing"
        raise errors.NotFoundError("revision.incomplete", f"only {known} is known for this run")

    @override
    async def machines(self, deployment: str) -> Sequence[GrantedMachine]:
        known = [
            fact
            for (of, _, _), facts in self.facts.items()
            for fact in facts.values()
            if of == deployment and isinstance(fact, VMReady)
        ]
        return list({it.machine: it for fact in known for it in fact.machines}.values())

    @override
    async def generations(self, deployment: str) -> Sequence[Generation]:
        return sorted(self.kept.get(deployment, ()), key=lambda it: it.machine)

    @override
    async def keep(
        self, tx: Transaction, deployment: str, generations: Sequence[Generation]
    ) -> bool:
        before = {it.machine: it.system for it in self.kept.get(deployment, ())}
        self.kept[deployment] = list(generations)
        needed = {self.wishes.get(deployment, ("", None))[0], *(it.run for it in generations)}
        self.facts = {
            key: it for key, it in self.facts.items() if key[0] != deployment or key[2] in needed
        }
        return before != {it.machine: it.system for it in generations}

    @override
    async def booted(self, deployment: str, machine: str, boot_id: str) -> None:
        self.kept[deployment] = [
            replace(it, boot_id=boot_id, refusal="") if it.machine == machine else it
            for it in self.kept.get(deployment, ())
        ]

    @override
    async def refused(self, deployment: str, machine: str, reason: str) -> None:
        self.kept[deployment] = [
            replace(it, refusal=reason) if it.machine == machine else it
            for it in self.kept.get(deployment, ())
        ]

    @override
    async def epoch(self, deployment: str, domain: str, hosts: Sequence[str]) -> int:
        found = {it: self.epochs.get((domain, it), (deployment, FIRST_EPOCH)) for it in hosts}
        if taken := sorted(it for it, (holder, _) in found.items() if holder != deployment):
            raise held_elsewhere(taken)
        self.epochs.update({(domain, it): of for it, of in found.items()})
        return max((self.epochs[domain, host][1] for host in hosts), default=FIRST_EPOCH)

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        self.wishes.pop(deployment, None)
        self.kept.pop(deployment, None)
        self.facts = {key: it for key, it in self.facts.items() if key[0] != deployment}
        self.epochs = {key: it for key, it in self.epochs.items() if it[0] != deployment}
