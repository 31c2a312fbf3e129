"""What provisioner needs from the world, in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployments import Doors, Endpoint
    from shared.database import Transaction

    from .domain import Address, Machine, Route, Size


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
    ssh: Endpoint
    http: Endpoint
    http_port: int
    """The port inside that `http` leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMachine:
    """A machine as it exists."""

    name: str
    identity: str
    power: Power
    image: Image
    size: Size
    ssh: Endpoint
    http: Endpoint
    host_public_key: str
    """The only SSH host key to accept there."""


class RuntimeBackend(Protocol):
    """A place where machines run.

    Whatever changes a machine takes its name and its identity, and refuses with ConflictError
    when the name belongs to another one. Everything may be asked again after a crash.
    """

    def doors(self) -> Doors:
        """Return the ways out that every machine has, as it sees them."""
        ...

    async def is_free(self, endpoint: Endpoint) -> bool:
        """Say whether a machine could be reached there."""
        ...

    async def ensure_image(self, packages: Sequence[str]) -> Image:
        """Return the image that holds these packages, built if there is none yet."""
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
        """
        ...

    async def grow(self, name: str, identity: str, size: Size) -> None:
        """Give a machine a larger size; it is stopped for that."""
        ...

    async def start(self, name: str, identity: str) -> None:
        """See to it that a machine runs; one that runs is left alone.

        Raises:
            ConflictError: something else listens on one of its addresses.
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
        """See to it that exactly these hosts are routed; requests under way are not disturbed."""
        ...


class MachineRepository(Protocol):
    """The machines, addresses, records and routes that are meant to be."""

    async def list_machines(self, tx: Transaction, deployment: str) -> Sequence[Machine]:
        """Return a deployment's machines in order, without those to be removed."""
        ...
