"""What deployer thinks in: a revision that can be deployed, and the generation a machine runs.

revision    what an operator wants + the machines and buckets granted for it, joined
system      the store path of everything one machine runs, built from a revision
generation  a system that was activated on a machine and kept

activating → activated → confirmed
                 ↘ rolled_back | rollback_failed
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType

from shared import errors
from shared.contracts.deployments import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.catalogue import SecretKind
    from shared.contracts.deployments import Endpoint, GrantedBucket, GrantedMachine
    from shared.contracts.panel import DeploymentRequested

System = NewType("System", str)
"""Store path of a toplevel."""

FIRST_EPOCH: Final = 1
RENEWAL: Final = timedelta(days=14)
LOOKS: Final = 2
NO_EPOCH: Final = 0
"""Of what claims no host: a prepared system, which has nothing but engines."""


class RebootedError(Exception):
    """A machine has booted again: what was placed in its memory is gone."""


def held_elsewhere(hosts: Sequence[str]) -> errors.ConflictError:
    """Return the error for hosts that another deployment answers for."""
    return errors.ConflictError(
        "permit.held_elsewhere",
        f"another deployment of this provider answers for {', '.join(hosts)}, and only one may "
        "run; remove that one first",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an application runs, and how one asks it how it is."""

    machine: GrantedMachine
    application: str
    host: str
    health_path: str

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""
        return self.machine.endpoint_of(self.application)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is wanted and what was granted for it."""

    wanted: DeploymentRequested
    machines: tuple[GrantedMachine, ...]
    buckets: tuple[GrantedBucket, ...]

    def places(self) -> Sequence[Place]:
        """Return where its applications run; those of a prepared one do not."""
        if self.wanted.mode is not Mode.ACTIVE:
            return ()
        requests = [it for it in self.wanted.resources if it.kind == "machine"]
        paths = {it.application: it.health_path for it in requests}
        return [
            Place(
                machine=machine,
                application=order.application,
                host=order.host,
                health_path=paths[order.application],
            )
            for machine in self.machines
            for order in self.wanted.applications
            if order.application in machine.applications
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSecret:
    """What an application keeps secret, sealed to deployer itself."""

    application: str
    name: str
    kind: SecretKind
    sealed: str
    fingerprint: str
    """SHA-256 of the value: shows whether two are the same, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Allows the units of a system to start on a machine until its next boot."""

    epoch: int
    boot_id: str
    known: int = NO_EPOCH
    """The epoch that the machine has run under; a disk that never did is an old copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a machine says about itself."""

    boot_id: str
    system: str
    """The toplevel that runs, or an empty text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How a machine is, as it says itself."""

    boot_id: str
    system: str
    units: Mapping[str, str]
    """Unit → `running`, or why not."""
    disk_percent: int
    """How much of the disk is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate that visitors of a host are shown."""

    begins: datetime
    ends: datetime

    def is_running_out(self, now: datetime) -> bool:
        """Say whether it should have been renewed by now.

        That is two weeks before its end, or a sixth of its time where that is shorter: some live
        for hours, and all are renewed well before.
        """
        return self.ends - now < min(RENEWAL, (self.ends - self.begins) / 6)


class AilmentKind(StrEnum):
    """In which way an application is sick."""

    UNIT = "unit"
    """Something of it does not run, or its machine does not answer."""
    HTTP = "http"
    DISK = "disk"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """What one look shows to be wrong with an application."""

    application: str
    kind: AilmentKind
    message: str
    patience: timedelta = timedelta()
    """How long it may last before it is worth telling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with an application, over time."""

    application: str
    kind: AilmentKind
    message: str
    since: datetime
    seen: int = 1
    """How many looks have shown it."""
    missed: int = 0
    """How many looks in a row have not."""
    told: str = ""
    """The message that others know; empty while they know nothing."""

    @property
    def is_told(self) -> bool:
        """Whether others know of it."""
        return bool(self.told)

    @property
    def news(self) -> tuple[str, AilmentKind, str]:
        """What makes it worth telling: another percent, or another second, does not."""
        return (self.application, self.kind, _words(self.told))

    @property
    def key(self) -> tuple[str, AilmentKind]:
        """What makes it another one than others; how it is put may change."""
        return (self.application, self.kind)


def reviewed(
    known: Sequence[Finding], symptoms: Sequence[Symptom], now: datetime
) -> tuple[Finding, ...]:
    """Return what is wrong after another look.

    It takes two looks to say that something is wrong, and two to say that it is over, so that
    nobody is told of every hiccup.
    """
    before = {it.key: it for it in known}
    found = []
    for key, symptom in {(it.application, it.kind): it for it in symptoms}.items():
        earlier = before.pop(key, None)
        seen, since = (earlier.seen + 1, earlier.since) if earlier else (1, now)
        is_old = seen >= LOOKS and now - since >= symptom.patience
        told = earlier.told if earlier else ""
        # What is put differently each time is told once.
        lasts = earlier is not None and _words(earlier.message) == _words(symptom.message)
        if (is_old and not told) or (told and lasts and _words(told) != _words(symptom.message)):
            told = symptom.message
        found.append(
            Finding(
                application=symptom.application,
                kind=symptom.kind,
                message=symptom.message,
                since=since,
                seen=seen,
                told=told,
            )
        )
    fading = [replace(it, missed=it.missed + 1) for it in before.values() if it.is_told]
    return (*found, *(it for it in fading if it.missed < LOOKS))


def _words(message: str) -> str:
    return "".join(it for it in message if not it.isdecimal())


class SwitchResult(StrEnum):
    """How far a machine's switch to a system has come."""

    ACTIVATING = "activating"
    """The switch is under way, under the watchdog's eyes."""
    ACTIVATED = "activated"
    """The system runs; without a confirmation the watchdog puts the old one back."""
    UNCHANGED = "unchanged"
    """The system ran already."""
    CONFIRMED = "confirmed"
    """The system stays."""
    ROLLED_BACK = "rolled_back"
    """The system from before runs again; the machine has checked that."""
    ROLLBACK_FAILED = "rollback_failed"
    """The system from before could not be brought back."""
    NONE = "none"
    """No switch to this system is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What a machine reports about a switch."""

    result: SwitchResult
    generation: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The system that a machine was last left with by a finished run."""

    machine: str
    number: int
    system: System
    boot_id: str
    """The boot for which secrets and permit were placed last."""
    revision: int
    run: str
    epoch: int = FIRST_EPOCH
    """The epoch that it was started under."""
    refusal: str = ""
    """Why its units are not started after a boot; empty when they are."""


class UnitVerb(StrEnum):
    """What is done with units of the system that runs."""

    START = "start"
    STOP = "stop"
    MASK = "mask"
    """Stop it, and let nothing start it, not even the next boot."""
    UNMASK = "unmask"


class StateVerb(StrEnum):
    """What `fediversity-state` is asked to do."""

    EXPORT = "export"
    VERIFY = "verify"
    """All of an import that comes before it touches anything."""
    IMPORT = "import"


class FolderVerb(StrEnum):
    """What is done with an application's folder around an import."""

    SET_ASIDE = "set-aside"
    """Rename it and make an empty one."""
    IMPORTED = "imported"
    """Note that the new one is complete."""
    PUT_BACK = "put-back"
    """Rename it back and remove the new one."""
    DROP = "drop"
    """Remove the one that was set aside."""
    STATUS = "status"


class Folder(StrEnum):
    """What became of an application's folder in an import."""

    NONE = "none"
    """There is one folder."""
    ASIDE = "aside"
    """One is set aside for a new one that is not complete."""
    IMPORTED = "imported"
    """One is set aside for a new one that is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headway:
    """How far the work on an application's state is."""

    what: str
    done: int
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was carried of an application's state."""

    manifest: str
    """Name of the manifest below the export's prefix."""
    sha256: str
    rows: int
    files: int
    bytes: int
    not_included: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import that has begun to change things and is not settled."""

    export: str
    run: str
    applications: tuple[str, ...]
    is_accepted: bool = False
    """The new state counts; what was set aside only has to be removed."""
