"""What deployer states: systems that run, or did not come to run."""

from __future__ import annotations

from typing import ClassVar

from .deployments import PublicBucket
from .failures import Failure, Outcome
from .messages import Event, RevisionEvent, RunEvent, Value
from .state import SavedApplication


class ActiveSystem(Value):
    """The system that is active on a machine."""

    machine: str
    system: str
    """Store path of the toplevel."""
    generation: int


class FirstCredential(Value):
    """How the operator signs in to an application for the first time."""

    application: str
    user: str
    sealed_password: str
    """Sealed to panel, which reveals it once."""


class ConfigDeployed(RevisionEvent):
    """The revision runs and its applications answered their health checks."""

    owner: ClassVar[str] = "deployer"

    changed: bool
    """False when every machine had exactly this system already."""
    systems: tuple[ActiveSystem, ...]
    media: tuple[PublicBucket, ...] = ()
    """The public buckets of its applications, to be routed along with them."""
    credentials: tuple[FirstCredential, ...] = ()
    """Those that were made for this revision; an earlier one has told the others."""


class DeploymentFailed(RunEvent):
    """Deployer could not bring the revision to run, and this is the state it left."""

    owner: ClassVar[str] = "deployer"

    revision: int | None = None
    failure: Failure
    stage: str
    outcome: Outcome


class StateExported(RevisionEvent):
    """The state of a revision's applications lies in the bucket that was named."""

    owner: ClassVar[str] = "deployer"

    export: str
    applications: tuple[SavedApplication, ...]


class StateImported(RevisionEvent):
    """The applications of a revision run on the state that was named.

    Those of a prepared one, or of one that stands still, have it and wait.
    """

    owner: ClassVar[str] = "deployer"

    export: str
    applications: tuple[str, ...]


class ApplicationQuiesced(RunEvent):
    """The applications stand still; their data does not change until they are resumed."""

    owner: ClassVar[str] = "deployer"

    hosts: tuple[str, ...]
    """The host names of the applications."""


class ApplicationResumed(RunEvent):
    """The applications run again and answered their health checks."""

    owner: ClassVar[str] = "deployer"

    hosts: tuple[str, ...]


class Ailment(Value):
    """What is wrong with an application or its machine."""

    application: str
    kind: str
    """`unit`, `http`, `disk` or `certificate`."""
    message: str
    since: str
    """RFC 3339, UTC: when it was first seen."""


class HealthChanged(Event):
    """A deployment is healthy, or has become sick in another way than before."""

    owner: ClassVar[str] = "deployer"

    at: str
    """RFC 3339, UTC."""
    ailments: tuple[Ailment, ...]
    """Everything that is wrong now; empty: nothing."""


class SystemRemoved(RunEvent):
    """Secrets, permits and connections of the deployment are gone."""

    owner: ClassVar[str] = "deployer"
