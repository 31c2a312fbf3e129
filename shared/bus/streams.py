"""Streams, durable consumers and services of the bus, declared as data.

Accounts, exports, permissions, what `apply` creates and the AsyncAPI document follow from here.
A filter names the owner of an event, so that no service can speak in another's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.contracts import registry
from shared.contracts.deployer import (
    ApplicationQuiesced,
    ApplicationResumed,
    ConfigDeployed,
    DeploymentFailed,
    StateExported,
    StateImported,
)
from shared.contracts.messages import ANY_SERVICE
from shared.contracts.panel import (
    BackupRemovalRequested,
    BackupRequested,
    CancelRequested,
    DeadLetterDiscardRequested,
    DeadLetterReplayRequested,
    DeploymentRemovalRequested,
    DeploymentRequested,
    QuiesceRequested,
    RestartRequested,
    RestoreRequested,
    ResumeRequested,
)
from shared.contracts.provisioner import VMReady
from shared.contracts.storage import (
    StateExportRequested,
    StateImportRequested,
    StorageReady,
)

if TYPE_CHECKING:
    from shared.contracts.messages import Event

SECOND: Final = 10**9
DAY: Final = 86_400 * SECOND
MIB: Final = 1024 * 1024
EVENTS: Final = "EV"
PROGRESS: Final = "PROGRESS"
PROGRESS_SUBJECTS: Final = "progress.*.*"
MAX_PAYLOAD: Final = 256 * 1024
"""The largest message the server accepts, headers included."""


@dataclass(frozen=True, slots=True)
class Service:
    """One of our processes and the facts of others that it builds on."""

    name: str
    consumes: tuple[type[Event], ...] = ()
    consumes_everything: bool = False
    """It follows every fact of every other service, those of later releases included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream, in JetStream's words; rollup, TTL, schedules and batches are off by omission."""

    name: str
    subjects: tuple[str, ...]
    max_age: int
    max_bytes: int
    discard: str = "new"
    duplicate_window: int = 600 * SECOND
    storage: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A durable pull consumer, which belongs to the service of its name.

    It never gives up on a message: what cannot be handled must become a row before it is acked.
    """

    stream: str
    name: str
    filter_subjects: tuple[str, ...]
    ack_policy: str = "explicit"
    ack_wait: int = 10 * SECOND
    """Ample, as handlers only do SQL: what a killed process held is delivered again after it."""
    max_ack_pending: int = 256
    max_deliver: int = -1


DECISIONS: Final = (DeadLetterReplayRequested, DeadLetterDiscardRequested)
"""What panel tells the others about their dead letters; its own it handles itself."""

SERVICES: Final = (
    Service("panel", consumes_everything=True),
    Service(
        "provisioner",
        (
            DeploymentRequested,
            DeploymentRemovalRequested,
            ConfigDeployed,
            CancelRequested,
            ApplicationQuiesced,
            ApplicationResumed,
            *DECISIONS,
        ),
    ),
    Service(
        "storage",
        (
            DeploymentRequested,
            DeploymentRemovalRequested,
            DeploymentFailed,
            BackupRequested,
            StateExported,
            RestoreRequested,
            StateImported,
            BackupRemovalRequested,
            CancelRequested,
            *DECISIONS,
        ),
    ),
    Service(
        "deployer",
        (
            DeploymentRequested,
            DeploymentRemovalRequested,
            VMReady,
            StorageReady,
            CancelRequested,
            RestartRequested,
            QuiesceRequested,
            ResumeRequested,
            StateExportRequested,
            StateImportRequested,
            *DECISIONS,
        ),
    ),
)

STREAMS: Final = (
    # Old facts are never dropped for new ones: a full stream refuses, and the outboxes hold.
    Stream(name=EVENTS, subjects=("ev.*.*.*",), max_age=30 * DAY, max_bytes=1024 * MIB),
    # On disk as well: a memory stream and its durable are gone after any restart of the server.
    Stream(
        name=PROGRESS,
        subjects=(PROGRESS_SUBJECTS,),
        max_age=DAY // 24,
        max_bytes=32 * MIB,
        discard="old",
    ),
)


def filters(service: Service) -> tuple[str, ...]:
    """Return the subjects that a service's durable on EV selects; no two of them overlap."""
    if service.consumes_everything:
        return tuple(f"ev.{it.name}.*.*" for it in SERVICES if it.name != service.name)
    return tuple(event.filter(event.owner) for event in service.consumes)


def consumers() -> tuple[Consumer, ...]:
    """Return every durable."""
    followers = (
        Consumer(stream=EVENTS, name=it.name, filter_subjects=filters(it)) for it in SERVICES
    )
    progress = Consumer(stream=PROGRESS, name="panel", filter_subjects=(PROGRESS_SUBJECTS,))
    return (*followers, progress)


def emitters(event: type[Event]) -> tuple[str, ...]:
    """Return the services that state a fact."""
    if event.owner == ANY_SERVICE:
        return tuple(it.name for it in SERVICES)
    return (event.owner,)


def consumed(name: str) -> frozenset[type[Event]]:
    """Return every event that reaches a service: what its routes must name, no more, no less."""
    [service] = [it for it in SERVICES if it.name == name]
    if not service.consumes_everything:
        return frozenset(service.consumes)
    return frozenset(it for it in registry.REGISTRY.values() if set(emitters(it)) - {name})
