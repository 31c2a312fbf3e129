"""Happenings: what panel tells programs outside, as the body of a webhook.

    {"type": "run.failed", "timestamp": "…", "sequence": 7, "data": {…}}

Bodies are thin: they name what happened to which object, and where to read the rest. Types and
fields are only ever added; a reader ignores what it does not know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import Field

from .failures import Outcome
from .messages import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BYTES: Final = 20_000
"""More than any body has."""


class HappeningType(StrEnum):
    """What happened."""

    DEPLOYMENT_CREATED = "deployment.created"
    """An operator made a deployment; nothing of it runs yet."""
    DEPLOYMENT_DELETED = "deployment.deleted"
    """A deployment is gone; its last run has the receipt."""
    DEPLOYMENT_DEGRADED = "deployment.degraded"
    """Something about a deployment that runs is not well."""
    DEPLOYMENT_RECOVERED = "deployment.recovered"
    """Everything about a deployment is well again."""
    RUN_QUEUED = "run.queued"
    """Somebody asked for a run."""
    RUN_STARTED = "run.started"
    """The services work on a run."""
    RUN_STEP = "run.step"
    """A step of a run has another status."""
    RUN_SUCCEEDED = "run.succeeded"
    """A run reached its goal."""
    RUN_FAILED = "run.failed"
    """A run ended before its goal; `failure.outcome` says in which state things are."""
    RUN_CANCELLED = "run.cancelled"
    """A run was stopped, or what it waited for did not succeed."""
    RUN_SUPERSEDED = "run.superseded"
    """A newer wish came before a run had started."""
    BACKUP_SUCCEEDED = "backup.succeeded"
    """A backup is complete."""
    BACKUP_FAILED = "backup.failed"
    """A backup could not be made."""
    BACKUP_STALE = "backup.stale"
    """The newest backup of a deployment is older than it should be; told once for each."""
    DOMAIN_VERIFIED = "domain.verified"
    """Two looks in a row found every record of a domain as it has to be."""
    DOMAIN_DRIFTED = "domain.drifted"
    """Two looks in a row found records of a domain wrong that had been right."""
    TOKEN_CREATED = "token.created"  # noqa: S105 - a name
    """Somebody made a token for the API."""
    ENDPOINT_DISABLED = "endpoint.disabled"
    """Nothing more is sent to an endpoint, because it failed for too long or refused."""
    TEST = "test"
    """A person asked for it, to see whether an endpoint answers."""


class StepData(Value):
    """The step of a run that a happening is about."""

    service: str
    name: str
    status: str
    attempt: int


class FailureData(Value):
    """Why a run did not reach its goal; the run itself has it in words."""

    code: str
    """Stable and searchable, such as `machine.disk_full`."""
    service: str
    stage: str
    outcome: Outcome
    retryable: bool


class RunData(Value):
    """A run."""

    id: str
    number: int
    """Counted per operator, for display."""
    kind: str
    """Such as `deploy`, `backup` or `remove`."""
    state: str
    deployment: str
    domain: str
    revision: int | None = None
    step: StepData | None = None
    """Only in `run.step`."""
    failure: FailureData | None = None
    address: str
    """Path of the run in the panel's API."""


class AilmentData(Value):
    """What is wrong with an application."""

    application: str
    kind: str
    """Such as `unit`, `http`, `disk` or `certificate`."""
    since: str


class DeploymentData(Value):
    """A deployment."""

    id: str
    domain: str
    ailments: tuple[AilmentData, ...] = ()
    """Only in `deployment.degraded`; the first of them."""
    address: str
    """Path of the deployment in the panel's API."""


class BackupData(Value):
    """A backup."""

    id: str
    deployment: str
    domain: str
    run: str
    bytes: int | None = None
    taken_at: str | None = None
    """When it was complete, RFC 3339, UTC."""
    address: str
    """Path of the backup in the panel's API."""


class DomainData(Value):
    """A domain."""

    name: str
    checked_at: str
    """When somebody looked, RFC 3339, UTC."""
    wrong: tuple[str, ...] = ()
    """Only in `domain.drifted`: the first of the names that do not lead here."""
    address: str
    """Path of the domain in the panel's API."""


class TokenData(Value):
    """A token for the API, without what it opens things with."""

    id: str
    name: str
    person: str
    """Id of whoever it acts for."""
    scopes: tuple[str, ...]
    """What it may do."""
    expires_at: str | None = None
    address: str
    """Path of the token in the panel's API."""


class EndpointData(Value):
    """An endpoint of webhooks."""

    id: str
    url: str
    """Its scheme and host; what follows may be secret."""
    reason: str = ""
    """Why it was disabled, in words."""
    address: str
    """Path of the endpoint in the panel's API."""


class HappeningBody(Value):
    """What every body has."""

    type: HappeningType
    timestamp: str
    """When it happened, RFC 3339, UTC."""
    sequence: int = Field(ge=1)
    """Rises with every happening about the same object: of two, the higher one is newer."""


class RunHappening(HappeningBody):
    """Something happened to a run."""

    data: RunData


class DeploymentHappening(HappeningBody):
    """Something happened to a deployment."""

    data: DeploymentData


class BackupHappening(HappeningBody):
    """Something happened to a backup."""

    data: BackupData


class DomainHappening(HappeningBody):
    """Something was found about a domain."""

    data: DomainData


class TokenHappening(HappeningBody):
    """Something happened to a token."""

    data: TokenData


class EndpointHappening(HappeningBody):
    """Something happened to an endpoint, or it is being tested."""

    data: EndpointData


HappeningData = RunData | DeploymentData | BackupData | DomainData | TokenData | EndpointData
AnyHappening = (
    RunHappening
    | DeploymentHappening
    | BackupHappening
    | DomainHappening
    | TokenHappening
    | EndpointHappening
)
_SHAPES: Final[Mapping[str, type[AnyHappening]]] = {
    "run": RunHappening,
    "deployment": DeploymentHappening,
    "backup": BackupHappening,
    "domain": DomainHappening,
    "token": TokenHappening,
    "endpoint": EndpointHappening,
    "test": EndpointHappening,
}
_DATA: Final[Mapping[type[AnyHappening], type[HappeningData]]] = {
    RunHappening: RunData,
    DeploymentHappening: DeploymentData,
    BackupHappening: BackupData,
    DomainHappening: DomainData,
    TokenHappening: TokenData,
    EndpointHappening: EndpointData,
}


def shape(kind: HappeningType) -> type[AnyHappening]:
    """Return the model of the bodies of one type."""
    return _SHAPES[kind.partition(".")[0]]


def read_data(kind: HappeningType, data: object) -> HappeningData:
    """Return what a happening of one type was about."""
    return _DATA[shape(kind)].model_validate(data)


def meaning(kind: HappeningType) -> str:
    """Return in a sentence what a type says."""
    return _MEANINGS[kind]


_AT: Final = "2026-11-21T09:30:00Z"
_DEPLOYMENT: Final = "01k9zq3m5ge4tv8r2w7x6y1abc"
_RUN: Final = RunData(
    id="01k9zq3p7hf6sw9t4x8y2z3def",
    number=1,
    kind="deploy",
    state="running",
    deployment=_DEPLOYMENT,
    domain="garden.example",
    revision=1,
    address="/api/v1/runs/01k9zq3p7hf6sw9t4x8y2z3def",
)
_HOME: Final = DeploymentData(
    id=_DEPLOYMENT, domain="garden.example", address=f"/api/v1/deployments/{_DEPLOYMENT}"
)
_BACKUP: Final = BackupData(
    id="01k9zq3r8gf7sw0v5y2z3a4efg",
    deployment=_DEPLOYMENT,
    domain="garden.example",
    run="01k9zq3r8gf7sw0v5y2z3a4efg",
    address="/api/v1/backups/01k9zq3r8gf7sw0v5y2z3a4efg",
)
_DOMAIN: Final = DomainData(
    name="garden.example", checked_at=_AT, address="/api/v1/domains/garden.example"
)
_TOKEN: Final = TokenData(
    id="01k9zq3y7qm2yc6b1d8e9f0mnp",
    name="deploys from our repository",
    person="01k9zq3n6fg5sw9t4x8y2z3cde",
    scopes=("deployments:read", "deployments:write"),
    expires_at="2027-02-19T09:30:00Z",
    address="/api/v1/tokens/01k9zq3y7qm2yc6b1d8e9f0mnp",
)
_ENDPOINT: Final = EndpointData(
    id="01k9zq3v2mh9vz3y8a5b6c7hjk",
    url="https://hooks.garden.example",
    address="/api/v1/webhook-endpoints/01k9zq3v2mh9vz3y8a5b6c7hjk",
)
_STEP: Final = StepData(service="provisioner", name="boot", status="running", attempt=1)
_FAILURE: Final = FailureData(
    code="machine.disk_full",
    service="provisioner",
    stage="boot",
    outcome=Outcome.UNCHANGED,
    retryable=True,
)
_AILMENT: Final = AilmentData(application="hello", kind="http", since=_AT)
_EXAMPLES: Final[Mapping[HappeningType, HappeningData]] = {
    HappeningType.DEPLOYMENT_CREATED: _HOME,
    HappeningType.DEPLOYMENT_DELETED: _HOME,
    HappeningType.DEPLOYMENT_DEGRADED: _HOME.model_copy(update={"ailments": (_AILMENT,)}),
    HappeningType.DEPLOYMENT_RECOVERED: _HOME,
    HappeningType.RUN_QUEUED: _RUN.model_copy(update={"state": "queued"}),
    HappeningType.RUN_STARTED: _RUN,
    HappeningType.RUN_STEP: _RUN.model_copy(update={"step": _STEP}),
    HappeningType.RUN_SUCCEEDED: _RUN.model_copy(update={"state": "succeeded"}),
    HappeningType.RUN_FAILED: _RUN.model_copy(update={"state": "failed", "failure": _FAILURE}),
    HappeningType.RUN_CANCELLED: _RUN.model_copy(update={"state": "cancelled"}),
    HappeningType.RUN_SUPERSEDED: _RUN.model_copy(update={"state": "superseded"}),
    HappeningType.BACKUP_SUCCEEDED: _BACKUP.model_copy(
        update={"bytes": 104857600, "taken_at": _AT}
    ),
    HappeningType.BACKUP_FAILED: _BACKUP,
    HappeningType.BACKUP_STALE: _BACKUP.model_copy(
        update={"bytes": 104857600, "taken_at": "2026-11-07T09:30:00Z"}
    ),
    HappeningType.DOMAIN_VERIFIED: _DOMAIN,
    HappeningType.DOMAIN_DRIFTED: _DOMAIN.model_copy(update={"wrong": ("hello.garden.example",)}),
    HappeningType.TOKEN_CREATED: _TOKEN,
    HappeningType.ENDPOINT_DISABLED: _ENDPOINT.model_copy(
        update={"reason": "It answered 410: nobody wants these messages there any more."}
    ),
    HappeningType.TEST: _ENDPOINT,
}
_MEANINGS: Final[Mapping[HappeningType, str]] = {
    HappeningType.DEPLOYMENT_CREATED: "A deployment was made; nothing of it runs yet.",
    HappeningType.DEPLOYMENT_DELETED: "A deployment is gone.",
    HappeningType.DEPLOYMENT_DEGRADED: "Something about a deployment that runs is not well.",
    HappeningType.DEPLOYMENT_RECOVERED: "Everything about a deployment is well again.",
    HappeningType.RUN_QUEUED: "Somebody asked for a run.",
    HappeningType.RUN_STARTED: "The services work on a run.",
    HappeningType.RUN_STEP: "A step of a run has another status.",
    HappeningType.RUN_SUCCEEDED: "A run reached its goal.",
    HappeningType.RUN_FAILED: "A run ended before its goal.",
    HappeningType.RUN_CANCELLED: "A run was stopped, or what it waited for did not succeed.",
    HappeningType.RUN_SUPERSEDED: "A newer wish came before a run had started.",
    HappeningType.BACKUP_SUCCEEDED: "A backup is complete.",
    HappeningType.BACKUP_FAILED: "A backup could not be made.",
    HappeningType.BACKUP_STALE: "The newest backup of a deployment is older than it should be.",
    HappeningType.DOMAIN_VERIFIED: "All records of a domain are as they have to be.",
    HappeningType.DOMAIN_DRIFTED: "Records of a domain that were right are wrong now.",
    HappeningType.TOKEN_CREATED: "Somebody made a token for the API.",
    HappeningType.ENDPOINT_DISABLED: "Nothing more is sent to an endpoint, because it failed.",
    HappeningType.TEST: "A person asked for it, to see whether an endpoint answers.",
}


def example(kind: HappeningType) -> AnyHappening:
    """Return a body of one type, as documents show it."""
    return shape(kind).model_validate(
        {"type": kind, "timestamp": _AT, "sequence": 1, "data": _EXAMPLES[kind].model_dump()}
    )
