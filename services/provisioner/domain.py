"""What a machine is, what reaches it, and which changes it can take.

    RESERVED ──▶ CHANGING ──▶ READY ◀──▶ KEPT
        └────────────┴──────────┴──────────┴──▶ SURPLUS ──▶ gone
        any of them, when the deployment goes ──▶ REMOVING ──▶ gone

When the revision that runs has none of a machine's applications any more, a READY one is KEPT: what
they wrote is there. It is READY again as soon as a revision asks for one of them; when its time
is over before that, it is SURPLUS. So is, at once, a machine that never was READY, and one whose
last application moved to another machine because it keeps no data.

A machine keeps its image and its disk for life. It can get a larger size, and applications that
its image suffices for; everything else would be another machine, without the data on its disk.
Each port at which something answers inside is reached at an address of its own from outside.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from shared import errors
from shared.contracts.deployments import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

SSH_PORT: Final = 22
"""Where machines answer SSH, inside."""
# Nothing in it means anything to an edge, and it names a folder: never a whole store.
_MEDIA_URL: Final = re.compile(
    r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+"
)


class MachineState(StrEnum):
    """How a machine stands, by the wish of its operator and what was done about it."""

    RESERVED = "reserved"
    """It is to exist; nothing was done about that."""
    CHANGING = "changing"
    """It is being created, and may exist in part."""
    READY = "ready"
    """It answered once and is to run, also while it is given another size."""
    KEPT = "kept"
    """Nothing of the revision that runs is on it; the watch switches it off, and it waits."""
    SURPLUS = "surplus"
    """Nobody needs it or its disk any more; the watch removes it."""
    REMOVING = "removing"
    """Its deployment is being removed; that job alone touches it."""

    @property
    def is_wanted(self) -> bool:
        """Whether a machine in this state is to exist."""
        return self not in {MachineState.SURPLUS, MachineState.REMOVING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of a host a machine gets."""

    cpus: int
    memory_mib: int
    disk_gib: int

    def covers(self, other: Size) -> bool:
        """Say whether nothing in the other size is larger."""
        return (
            self.cpus >= other.cpus
            and self.memory_mib >= other.memory_mib
            and self.disk_gib >= other.disk_gib
        )

    @override
    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.cpus} CPU, {self.memory_mib} MiB memory, {self.disk_gib} GiB disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What one machine of a revision has to offer."""

    ports: Mapping[str, int]
    """The applications on it, each with the port at which it answers, inside."""
    size: Size
    image_packages: tuple[str, ...]

    @property
    def applications(self) -> tuple[str, ...]:
        """The applications on it, sorted."""
        return tuple(sorted(self.ports))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine of a deployment, as it is meant to be."""

    name: str
    deployment: str
    number: int
    identity: str
    """A UUID that only this machine carries, whatever else takes its name."""
    state: MachineState
    placement: Placement
    addresses: Mapping[int, Endpoint] = field(default_factory=dict)
    """Port inside → where it is reached from outside."""
    kept_until: datetime | None = None
    """The end of its time, while it is kept."""

    @property
    def holds_data(self) -> bool:
        """Whether an application that is placed on it may have written something there."""
        answered = self.state in {MachineState.READY, MachineState.KEPT}
        return answered and bool(self.placement.ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRange:
    """The addresses that machines are given."""

    host: str
    first: int
    last: int

    def candidates(self, name: str) -> Sequence[Endpoint]:
        """Return every address, from a place that differs from machine to machine.

        Two providers on one host rarely want the same one that way.
        """
        count = self.last - self.first + 1
        start = zlib.crc32(name.encode()) % count
        ports = (self.first + (start + step) % count for step in range(count))
        return [Endpoint(host=self.host, port=port) for port in ports]

    @override
    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.host}:{self.first}-{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the edge listens, for a record to point to."""

    plain: Endpoint
    tls: Endpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Objects that anybody may read, in a store that only the edge reaches."""

    url: str
    """What stands before the key of an object, without a slash."""

    def __post_init__(self) -> None:
        """Refuse what is no folder of a store.

        Raises:
            InvalidError: it is not.
        """
        if not _MEDIA_URL.fullmatch(self.url):
            raise errors.InvalidError(
                "route.media_url",
                f"{self.url!r} is not where the objects of a bucket are; check the endpoint of the "
                "object store in the provider file",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A port of a machine, where an application answers."""

    machine: str
    port: int


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Nobody is asked: the edge itself tells visitors to come back."""


Upstream = Endpoint | Media | Maintenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What the edge does with requests for a host.

    It hands them to an application, reads media, or says that the application stands still.
    """

    host: str
    upstream: Upstream


class Door(StrEnum):
    """A way out of a machine to the world; the one to its buckets is always open."""

    EGRESS = "egress"
    MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationHost:
    """A host name that a revision gives to an application."""

    application: str
    host: str
    is_routed: bool
    """Whether it is to be reached from outside."""
    is_media: bool = False
    """Whether anybody reads the application's public objects there."""
    doors: frozenset[Door] = frozenset()
    """The doors that it may use as long as it is reached from outside."""
