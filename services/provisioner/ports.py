"""What provisioner needs from the world, in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from shared.contracts.deployments import Doors, Endpoint
    from shared.database import Transaction

    from .domain import (
        Address,
        ApplicationHost,
        Door,
        Inside,
        Machine,
        MachineState,
        Media,
        Placement,
        Route,
        Size,
    )


class Power(StrEnum):
    """Whether a machine runs."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What machines are made from; the key says which ingredients went into it."""

    key: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOrder:
    """What to create, and where it is to be reached."""

    name: str
    identity: str
    image: Image
    size: Size
    addresses: Mapping[int, Endpoint]
    """Port inside → where it is to be reached; SSH is among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMachine:
    """A machine as it exists."""

    name: str
    identity: str
    power: Power
    image: Image
    size: Size
    addresses: Mapping[int, Endpoint]
    """Port inside → where it is reached; SSH is among them."""
    host_public_key: str
    """The only SSH host key to accept there."""
    doors: Doors
    """The ways out that it has, as it sees them; those of a stopped machine come with its start."""
    is_outdated: bool = False
    """Whether its ways out lead elsewhere than they would after a start."""
    open_doors: frozenset[Door] = frozenset()
    """Those to the world through which it is let out."""


class RuntimeBackend(Protocol):
    """A place where machines run.

    Whatever changes a machine takes its name and its identity, and refuses with ConflictError
    when the name belongs to another one. Everything may be asked again after a crash.
    """

    def doors(self) -> Doors:
        """Return the ways out that a machine has which starts now, as it sees them."""
        ...

    async def is_free(self, endpoint: Endpoint) -> bool:
        """Say whether a machine could be reached there."""
        ...

    async def ensure_image(self, packages: Sequence[str]) -> Image:
        """Return the image that holds these packages, built if there is none yet.

        Images of earlier recipes that no machine needs may go in exchange.
        """
        ...

    async def list_machines(self) -> Sequence[FoundMachine]:
        """Return every machine that exists here."""
        ...

    async def find(self, name: str) -> FoundMachine | None:
        """Return the machine of this name, if it exists."""
        ...

    async def create(self, order: MachineOrder) -> FoundMachine:
        """Create a machine that does not run yet.

        Raises:
            ConflictError: the name is taken.
            FaultError: the host has no room for it.
            NotFoundError: the image is not there any more.
        """
        ...

    async def resize(self, name: str, identity: str, size: Size) -> None:
        """Give a machine another size; it is stopped for that, and its disk never shrinks.

        Raises:
            FaultError: the host has no room or memory for it; the machine was not stopped.
        """
        ...

    async def forward(self, name: str, identity: str, addresses: Mapping[int, Endpoint]) -> None:
        """See to it that exactly these ports are reached, each at its address; nothing is stopped.

        Raises:
            ConflictError: something else listens on one of the addresses; those that are new to
                the machine are free again as far as it is concerned.
            UnavailableError: the machine does not listen; ask again.
        """
        ...

    async def open_doors(self, name: str, identity: str, doors: AbstractSet[Door]) -> None:
        """Let a machine out to the world through exactly these doors, until this is asked again.

        It is not restarted for that, and a restart changes nothing about it. Connections through a
        door that closes end. A machine that was just created has none of these doors open.

        Raises:
            NotFoundError: there is no such machine.
        """
        ...

    async def start(self, name: str, identity: str) -> None:
        """See to it that a machine runs; one that runs is left alone.

        Raises:
            ConflictError: something else listens on one of its addresses.
            FaultError: the host has no memory for it; if it had less before it was given another
                size, it has that again, and runs.
            NotFoundError: there is no such machine.
        """
        ...

    async def reach(self, name: str, identity: str) -> None:
        """Return when the machine answers SSH.

        Raises:
            UnavailableError: it stopped, or did not answer for too long.
        """
        ...

    async def stop(self, name: str, identity: str) -> None:
        """See to it that a machine does not run, after it had time to end its work."""
        ...

    async def remove(self, name: str, identity: str) -> None:
        """See to it that a machine and its disk are gone; one that is not there is no error."""
        ...


class DnsZone(Protocol):
    """Publishes names of the part of the name space that it holds."""

    async def publish(self, host: str, address: Address) -> None:
        """See to it that a name leads to an address."""
        ...

    async def withdraw(self, host: str) -> None:
        """See to it that a name leads nowhere."""
        ...

    async def find(self, host: str) -> Address | None:
        """Return where a name leads, if it is published."""
        ...


class Zones(Protocol):
    """Finds the zone that publishes a host."""

    def check(self, hosts: Sequence[str]) -> None:
        """Refuse hosts that lie in no zone.

        Raises:
            NotFoundError: one does, and the message says what is offered.
        """
        ...

    def of(self, host: str) -> DnsZone:
        """Return the zone.

        Raises:
            NotFoundError: the host lies in no zone of this provider.
        """
        ...


class Edge(Protocol):
    """The provider's web server towards the outside."""

    async def routes(self) -> Sequence[Route]:
        """Return what is routed now, in order."""
        ...

    async def route(self, wanted: Sequence[Route]) -> None:
        """See to it that exactly these hosts are routed; requests under way are not disturbed.

        While an application does not answer, or stands still, visitors are told when to return.
        """
        ...


class MachineRepository(Protocol):
    """The machines that are meant to be, and their addresses."""

    async def list_machines(self, tx: Transaction, deployment: str) -> Sequence[Machine]:
        """Return a deployment's machines in order; nobody else changes them in this transaction."""
        ...

    async def reserve(
        self, tx: Transaction, deployment: str, placements: Sequence[Placement]
    ) -> None:
        """Write down new machines, each with an identity of its own."""
        ...

    async def mark(self, tx: Transaction, names: Sequence[str], state: MachineState) -> None:
        """Record how machines stand, other than kept."""
        ...

    async def keep(self, tx: Transaction, name: str, days: int) -> None:
        """Record that a machine is kept for so long; the time of one that is kept goes on."""
        ...

    async def give_up_due(self, tx: Transaction, deployment: str) -> None:
        """Record that kept machines whose time is over are surplus."""
        ...

    async def place(self, tx: Transaction, name: str, placement: Placement) -> None:
        """Record what a machine offers from now on."""
        ...

    async def occupy(self, tx: Transaction, machine: str, port: int, endpoint: Endpoint) -> bool:
        """Take an address for a port of a machine; say whether it was to be had."""
        ...

    async def vacate(
        self, tx: Transaction, machine: str, *, keep: AbstractSet[int] = frozenset()
    ) -> None:
        """Give back the addresses of a machine, but for those of some of its ports."""
        ...

    async def taken_ports(self, tx: Transaction, host: str) -> AbstractSet[int]:
        """Return the ports of a host that machines have."""
        ...

    async def forget(self, tx: Transaction, names: Sequence[str]) -> None:
        """Drop machines that are gone, with their addresses and routes."""
        ...


class PublicationRepository(Protocol):
    """What is meant to be reachable from outside: hosts of revisions, records, routes."""

    async def remember_hosts(
        self, tx: Transaction, deployment: str, revision: int, hosts: Sequence[ApplicationHost]
    ) -> None:
        """Write down which hosts a revision has."""
        ...

    async def hosts(
        self, tx: Transaction, deployment: str, revision: int
    ) -> Sequence[ApplicationHost]:
        """Return which hosts a revision has."""
        ...

    async def forget_hosts(self, tx: Transaction, deployment: str) -> None:
        """Drop the hosts of every revision of a deployment."""
        ...

    async def claim_record(self, tx: Transaction, deployment: str, host: str) -> None:
        """Write down that a name is to lead to the edge.

        Raises:
            ConflictError: another deployment has that name.
        """
        ...

    async def hold_records(self, tx: Transaction, deployment: str) -> Sequence[str]:
        """Return the names of a deployment that are to lead to the edge, once nobody holds them.

        Nobody else holds one of them before the transaction ends.
        """
        ...

    async def hold_record(self, tx: Transaction, host: str) -> bool:
        """Hold a name; say whether it is still to lead to the edge and nobody else holds it."""
        ...

    async def next_records(self, tx: Transaction, most: int) -> Sequence[str]:
        """Return the names that were not looked at for longest, and note that they are now."""
        ...

    async def drop_records(self, tx: Transaction, hosts: Sequence[str]) -> None:
        """Write down that names are to lead nowhere."""
        ...

    async def put_routes(
        self, tx: Transaction, deployment: str, targets: Mapping[ApplicationHost, Inside | Media]
    ) -> None:
        """Write down what each host leads to; no other host of the deployment is routed."""
        ...

    async def maintain(
        self, tx: Transaction, deployment: str, hosts: Sequence[str], *, on: bool
    ) -> None:
        """Write down that applications stand still, or go on; `put_routes` ends it as well."""
        ...

    async def list_routes(self, tx: Transaction) -> Sequence[Route]:
        """Return every route that is meant to be, waiting for whoever else applies them."""
        ...
