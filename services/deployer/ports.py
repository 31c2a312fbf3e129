"""What deployer needs from outside, in its own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from .domain import Headway

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pydantic import SecretStr

    from shared.catalogue import SecretKind
    from shared.contracts.deployments import Endpoint, GrantedMachine
    from shared.contracts.messages import RevisionEvent
    from shared.contracts.panel import DeploymentRequested
    from shared.database import Transaction

    from .domain import (
        ApplicationSecret,
        Carried,
        Certificate,
        Finding,
        Folder,
        FolderVerb,
        Generation,
        Import,
        Permit,
        Revision,
        Sighting,
        StateVerb,
        Switch,
        System,
        UnitVerb,
        Vitals,
    )

Told = Callable[[Headway], Awaitable[None]]
"""Hears how far something is."""


class SystemBuilder(Protocol):
    """Builds systems out of rendered arguments and keeps them for as long as they are needed."""

    async def build(self, name: str, arguments: str) -> System:
        """Return the system for these arguments; the same arguments give the same system.

        Raises:
            CommandError: the arguments cannot be built.
            UnavailableError: building is not possible at the moment.
        """
        ...

    async def discard(self, name: str) -> None:
        """Let go of what was built under a name."""
        ...


class Host(Protocol):
    """A machine, reached over a connection whose host key is pinned.

    Every method raises UnavailableError when the machine does not answer, and FaultError when
    something else answers in its place. Those that take `boot_id` raise RebootedError when the
    machine has booted since, and have done nothing then. Words of a machine are few when they get
    here, and have no control characters.
    """

    async def look(self) -> Sighting:
        """Return what the machine says about itself."""
        ...

    async def copy(self, system: System, *, verify: bool) -> None:
        """Bring a system and all it needs; `verify` also repairs what the machine had already."""
        ...

    async def place(
        self, system: System, permit: Permit, secrets: Mapping[str, Mapping[str, bytes]]
    ) -> None:
        """Put permit and secrets (application → name → value) in the machine's memory.

        Raises:
            ConflictError: the machine's disk is from another time than the permit.
        """
        ...

    async def start(self, boot_id: str, system: System) -> None:
        """Start what is not running of a system that is active already."""
        ...

    async def examine(self) -> Vitals:
        """Return how the machine is, soon or not at all."""
        ...

    async def switch(self, boot_id: str, system: System, seconds: int) -> Switch:
        """Switch to a system, or join the switch to it that is under way.

        No unit is masked any more then.
        Unless the switch is confirmed within `seconds`, the machine takes it back by itself. One
        that is still activating when this returns will not come to an end: refuse it.
        """
        ...

    async def confirm(self, boot_id: str, system: System) -> Switch:
        """Keep the system."""
        ...

    async def renew(self) -> None:
        """Connect anew: proves that one can enter, where an old connection would go on."""
        ...

    async def refuse(self, boot_id: str, system: System, reason: str) -> Switch:
        """Put the system from before back now, or say what became of the switch."""
        ...

    async def units(self, boot_id: str, verb: UnitVerb, names: Sequence[str]) -> None:
        """Do something with units of the system that runs, in this order.

        Raises:
            FaultError: one of them does not start or stop, or there is none of this name.
        """
        ...

    async def perform(self, boot_id: str, application: str, command: Sequence[str]) -> str:
        """Run a command of a package as its application's user, in its folder.

        The words may name {code}, {configuration}, {secrets} and {state}.

        Returns:
            What it complained about when it failed, else an empty text.
        """
        ...

    async def folder(self, boot_id: str, verb: FolderVerb, application: str, export: str) -> Folder:
        """Keep an application's folder beside a new one for an import, or settle for one of them.

        Each verb may be repeated; the units of the application have to be stopped. A `status` is
        also known of an application that the system does not have.
        """
        ...

    async def carry(
        self, boot_id: str, verb: StateVerb, application: str, document: str, told: Told
    ) -> Carried:
        """Carry an application's state to or from a bucket, as the document says.

        Raises:
            UnavailableError: the store or the application's database is away, too.
            FaultError: it cannot be done; `import` has touched nothing when the export is to blame.
        """
        ...

    async def erase(self) -> None:
        """Stop the units, and remove the permit and every secret."""
        ...


class Hosts(Protocol):
    """The way to machines."""

    def at(self, machine: GrantedMachine) -> Host:
        """Return a machine; nothing is connected before it is used."""
        ...

    async def leave(self, machine: str) -> None:
        """Close every connection to a machine and forget its host key."""
        ...


class HealthProbe(Protocol):
    """Asks an application how it is."""

    async def ask(self, at: Endpoint, host: str, path: str) -> str:
        """Return what is wrong, or an empty text when the application answers well."""
        ...


class Certificates(Protocol):
    """What visitors are shown."""

    async def of(self, host: str) -> Certificate | None:
        """Return the certificate of a host; None where it has none, or nobody answers for it.

        Raises:
            FaultError: whoever answers shows none.
        """
        ...


class Conditions(Protocol):
    """How the applications of a deployment are: standing still on purpose, or sick."""

    async def pause(self, tx: Transaction, deployment: str) -> None:
        """Remember that they are to stand still."""
        ...

    async def resume(self, tx: Transaction, deployment: str) -> None:
        """Remember that they are to run."""
        ...

    async def is_paused(self, tx: Transaction, deployment: str) -> bool:
        """Say whether they are to stand still."""
        ...

    async def findings(self, tx: Transaction, deployment: str) -> Sequence[Finding]:
        """Return what is wrong, ordered by application and kind."""
        ...

    async def note(self, tx: Transaction, deployment: str, findings: Sequence[Finding]) -> None:
        """Remember what is wrong, instead of what was."""
        ...

    async def forget(self, tx: Transaction, deployment: str) -> None:
        """Forget everything about a deployment."""
        ...


class Revisions(Protocol):
    """What deployer remembers."""

    async def want(self, tx: Transaction, event: DeploymentRequested) -> None:
        """Remember a wish as the deployment's latest."""
        ...

    async def learn(self, tx: Transaction, fact: RevisionEvent) -> bool:
        """Remember a fact; say whether the latest wish of its deployment is complete now."""
        ...

    async def lacking(self, deployment: str, run: str, tx: Transaction | None = None) -> int | None:
        """Return which revision a run wishes for while facts are missing; None when none are.

        In a transaction, nobody learns of this deployment before its end.
        """
        ...

    async def part(self, tx: Transaction, deployment: str, run: str) -> None:
        """Remember that nothing is wanted any more, as of this run."""
        ...

    async def revision(
        self, deployment: str, number: int, run: str, tx: Transaction | None = None
    ) -> Revision:
        """Return a complete revision; in a transaction, as that sees it.

        Raises:
            NotFoundError: one of its facts is not known.
        """
        ...

    async def machines(self, deployment: str) -> Sequence[GrantedMachine]:
        """Return every machine that was granted to the deployment and not forgotten."""
        ...

    async def generations(self, deployment: str) -> Sequence[Generation]:
        """Return what the deployment's machines were left with."""
        ...

    async def keep(
        self, tx: Transaction, deployment: str, generations: Sequence[Generation]
    ) -> bool:
        """Remember what the machines run now, and forget the facts of earlier runs.

        Returns:
            Whether a machine was left with another system before, or there were other machines.
        """
        ...

    async def booted(self, deployment: str, machine: str, boot_id: str) -> None:
        """Remember that secrets and permit were placed for this boot."""
        ...

    async def refused(self, deployment: str, machine: str, reason: str) -> None:
        """Remember why nothing of a machine is started after its boot."""
        ...

    async def epoch(self, deployment: str, domain: str, hosts: Sequence[str]) -> int:
        """Return the highest epoch of these hosts; a new host begins with the first.

        Raises:
            ConflictError: another deployment answers for one of them.
        """
        ...

    async def forget(self, tx: Transaction, deployment: str) -> None:
        """Forget everything about a deployment."""
        ...


class SecretMaker(Protocol):
    """Makes what nobody can guess."""

    async def make(self, kind: SecretKind) -> SecretStr:
        """Return a new value."""
        ...


class ApplicationSecrets(Protocol):
    """What applications keep secret; a value only changes by an exchange for an import."""

    async def of(self, deployment: str) -> Sequence[ApplicationSecret]:
        """Return the secrets of a deployment, ordered by application and name."""
        ...

    async def keep(
        self, deployment: str, made: Sequence[ApplicationSecret]
    ) -> Sequence[ApplicationSecret]:
        """Keep what nothing is kept for yet, and return all that is kept, the same to everybody."""
        ...

    async def exchange(self, deployment: str, given: Sequence[ApplicationSecret]) -> None:
        """Let these count instead of those of the same name, or add them.

        What was kept before the first exchange is kept beside until it is settled or put back. A
        password that becomes another one has not been announced.
        """
        ...

    async def put_back(self, deployment: str) -> None:
        """Let what was kept before an exchange count again, if there was one."""
        ...

    async def settle(self, tx: Transaction, deployment: str) -> None:
        """Forget what was kept before an exchange."""
        ...

    async def announce(
        self, tx: Transaction, deployment: str, names: Collection[tuple[str, str]]
    ) -> Sequence[ApplicationSecret]:
        """Return those of these (application, name) that were never announced; now they are."""
        ...

    async def forget(self, tx: Transaction, deployment: str) -> None:
        """Forget every secret of a deployment."""
        ...


class Transfers(Protocol):
    """What deployer remembers while it carries state."""

    async def password(self, deployment: str, export: str, sealed: str) -> str:
        """Keep the sealed password of an export's files, if none is kept; return the kept one."""
        ...

    async def exported(self, tx: Transaction, deployment: str) -> None:
        """Forget the passwords of a deployment's exports."""
        ...

    async def forget(self, tx: Transaction, deployment: str) -> None:
        """Forget everything about a deployment."""
        ...

    async def begin(self, deployment: str, begun: Import) -> None:
        """Remember that an import begins to change things; nothing if that is known already."""
        ...

    async def unsettled(self, deployment: str, tx: Transaction | None = None) -> Import | None:
        """Return the import that is not settled, if there is one."""
        ...

    async def accept(self, deployment: str) -> None:
        """Remember that what was imported counts from now on."""
        ...

    async def settle(self, deployment: str, tx: Transaction | None = None) -> None:
        """Forget the import."""
        ...
