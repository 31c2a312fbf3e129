"""What deployer thinks in: a revision that can be deployed, and the generation a machine runs.

revision    what an operator wants + the machines and buckets granted for it, joined
system      the store path of everything one machine runs, built from a revision
generation  a system that was activated on a machine and kept

activating → activated → confirmed
                 ↘ rolled_back | rollback_failed
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType

if TYPE_CHECKING:
    from shared.catalogue import SecretKind
    from shared.contracts.deployments import GrantedBucket, GrantedMachine
    from shared.contracts.panel import DeploymentRequested

System = NewType("System", str)
"""Store path of a toplevel."""

FIRST_EPOCH: Final = 1


class RebootedError(Exception):
    """A machine has booted again: what was placed in its memory is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is wanted and what was granted for it."""

    wanted: DeploymentRequested
    machines: tuple[GrantedMachine, ...]
    buckets: tuple[GrantedBucket, ...]


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
    """Allows a deployment's units to start on a machine until its next boot."""

    epoch: int
    boot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a machine says about itself."""

    boot_id: str
    system: str
    """The toplevel that runs, or an empty text."""


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
