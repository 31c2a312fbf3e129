"""What travels over the REST API: requests and answers, each with an example."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from shared.catalogue import Application
from shared.contracts.deployments import ApplicationOrder
from shared.contracts.failures import Outcome

from ..domain.dead_letters import LetterState
from ..domain.deployments import DeploymentStatus, Revision
from ..domain.identity import Role, Scope
from ..domain.runs import NumberedEvent, Run, RunKind, RunState, StepStatus
from ..service.configurations import ApplicationWish, Staged
from ..service.runs import Overview, RunDetails
from . import examples
from .texts import refuse_unkept

A = TypeVar("A")
Id = Annotated[str, Field(examples=[examples.DEPLOYMENT_ID])]


class Answer(BaseModel):
    """What the API answers; most are read straight from what the service knows."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class ListAnswer(Answer, Generic[A]):
    """A part of a list, newest first."""

    items: tuple[A, ...]
    next: str | None
    """Give it as `before` to get what follows; None at the end."""


class Question(BaseModel):
    """What the API is asked; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    _refuse_unkept = model_validator(mode="before")(refuse_unkept)


class Me(Answer):
    """Who is asking."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ME]})

    person: str
    person_name: str
    operator: str
    operator_name: str
    role: Role
    scopes: Annotated[tuple[Scope, ...], BeforeValidator(sorted)]
    expires_at: datetime | None


class ApplicationAnswer(Answer):
    """An application that can be deployed here."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.APPLICATION]})

    name: str
    title: str
    description: str
    versions: tuple[str, ...]
    host_label: str
    immutable: tuple[str, ...]
    schema_url: str

    @classmethod
    def of(cls, application: Application) -> Self:
        """Return how an application is shown."""
        return cls(
            name=application.name,
            title=application.title,
            description=application.description,
            versions=application.versions,
            host_label=application.host_label,
            immutable=application.immutable,
            schema_url=f"/api/v1/applications/{application.name}/schema",
        )


class ApplicationQuestion(Question):
    """An application as an operator asks for it."""

    application: Annotated[str, Field(max_length=64, examples=["hello"])]
    version: Annotated[str | None, Field(max_length=64, examples=["1.0.0"])] = None
    host: Annotated[str | None, Field(max_length=300, examples=["hello.garden.example"])] = None
    """Below the domain, or the domain itself; the application's usual name when left out."""
    options: dict[str, JsonValue] = {}
    """Checked against the application's schema. Secret options left out stay what they are."""

    def wish(self) -> ApplicationWish:
        """Return what this asks for."""
        return ApplicationWish(
            application=self.application,
            version=self.version,
            host=self.host,
            options=self.options,
        )


class ConfigurationQuestion(Question):
    """What to stage."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CONFIGURATION_QUESTION]})

    applications: Annotated[tuple[ApplicationQuestion, ...], Field(max_length=50)]

    def wishes(self) -> Sequence[ApplicationWish]:
        """Return what this asks for."""
        return [it.wish() for it in self.applications]


class DeploymentQuestion(ConfigurationQuestion):
    """A new deployment: a domain and its first configuration."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DEPLOYMENT_QUESTION]})

    domain: Annotated[str, Field(max_length=1000)]


class ConfiguredApplication(Answer):
    """An application as it is configured; secret options only by name."""

    application: str
    version: str
    host: str
    options: dict[str, JsonValue]
    secret_options: tuple[str, ...]

    @classmethod
    def of(cls, order: ApplicationOrder) -> Self:
        """Return how an order is shown."""
        return cls(
            application=order.application,
            version=order.version,
            host=order.host,
            options=order.options,
            secret_options=tuple(sorted(order.sealed_options)),
        )


class StagedConfiguration(Answer):
    """What the next deploy will bring."""

    version: int
    staged_at: datetime
    applications: tuple[ConfiguredApplication, ...]


class DeployedConfiguration(Answer):
    """What runs."""

    revision: int
    version: int
    deployed_at: datetime | None
    applications: tuple[ConfiguredApplication, ...]

    @classmethod
    def of(cls, revision: Revision) -> Self:
        """Return how a revision is shown."""
        return cls(
            revision=revision.number,
            version=revision.configuration,
            deployed_at=revision.deployed_at,
            applications=tuple(ConfiguredApplication.of(it) for it in revision.applications),
        )


class ConfigurationAnswer(Answer):
    """What is staged and what runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CONFIGURATION]})

    deployment: Id
    staged: StagedConfiguration
    deployed: DeployedConfiguration | None
    has_changes: bool

    @classmethod
    def of(cls, found: Staged) -> Self:
        """Return how the two are shown."""
        orders = found.configuration.applications
        return cls(
            deployment=found.deployment.id,
            staged=StagedConfiguration(
                version=found.configuration.version,
                staged_at=found.configuration.staged_at,
                applications=tuple(ConfiguredApplication.of(it) for it in orders),
            ),
            deployed=DeployedConfiguration.of(found.deployed) if found.deployed else None,
            has_changes=found.has_changes,
        )


class Reached(Answer):
    """Where an application is, and whether the world can reach it there."""

    application: str
    host: str
    url: str | None
    """None until it is published."""


class RunSummary(Answer):
    """A run without its steps."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RUN_SUMMARY]})

    id: Id
    number: int
    """Counted per operator, for display."""
    kind: RunKind
    state: RunState
    revision: int | None
    created_at: datetime


class DeploymentAnswer(Answer):
    """A deployment and how it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DEPLOYMENT]})

    id: Id
    domain: str
    status: DeploymentStatus
    version: int
    """Rises with every change of its configuration."""
    deployed_revision: int | None
    applications: tuple[Reached, ...]
    active_run: RunSummary | None
    last_run: RunSummary | None
    created_at: datetime
    removed_at: datetime | None

    @classmethod
    def of(cls, found: Overview) -> Self:
        """Return how a deployment is shown."""
        deployment, standing = found.deployment, found.standing
        urls = {it.host: it.url for it in deployment.routes}
        orders = found.configuration.applications if found.configuration else ()
        return cls(
            id=deployment.id,
            domain=deployment.domain,
            status=deployment.status(standing),
            version=deployment.version,
            deployed_revision=deployment.deployed_revision,
            applications=tuple(
                Reached(application=it.application, host=it.host, url=urls.get(it.host))
                for it in orders
            ),
            active_run=_summary(standing.active),
            last_run=_summary(standing.newest),
            created_at=deployment.created_at,
            removed_at=deployment.removed_at,
        )


class StepAnswer(Answer):
    """One step of a run."""

    service: str
    name: str
    status: StepStatus
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    done: int | None
    total: int | None
    unit: str | None


class FailureAnswer(Answer):
    """Why a run failed: what, why, what state that left, and what can be done."""

    code: str
    what: str
    """The service and the step at which it failed."""
    why: str
    outcome: Outcome
    """The state that things are in."""
    next: str
    retryable: bool


class KeptAnswer(Answer):
    """A bucket that a removal left in place for a while."""

    bucket: str
    until: str


class ReceiptAnswer(Answer):
    """What a removal took away, and what it kept until when."""

    machines: tuple[str, ...]
    buckets_kept: tuple[KeptAnswer, ...]


class RunAnswer(RunSummary):
    """A run with its steps."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RUN]})

    deployment: Id
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    """From being asked for to its end."""
    sequence: int
    """Number of the newest event: open the stream after it."""
    changed: bool | None
    held_by: str | None
    """The dead letter that keeps it from going on."""
    retry_of: str | None
    failure: FailureAnswer | None
    receipt: ReceiptAnswer | None
    steps: tuple[StepAnswer, ...]

    @classmethod
    def of_details(cls, found: RunDetails) -> Self:
        """Return how a run is shown."""
        run = found.run
        return cls(
            **RunSummary.model_validate(run).model_dump(),
            deployment=run.deployment,
            started_at=run.started_at,
            ended_at=run.ended_at,
            seconds=_seconds(run),
            sequence=run.sequence,
            changed=run.changed,
            held_by=run.held_by,
            retry_of=run.retry_of,
            failure=_failure(run),
            receipt=ReceiptAnswer.model_validate(run.receipt) if run.receipt else None,
            steps=tuple(StepAnswer.model_validate(it) for it in found.steps),
        )


class EventAnswer(Answer):
    """One event of a run, as in the stream."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EVENT]})

    id: int
    event: str
    data: dict[str, JsonValue]

    @classmethod
    def of(cls, event: NumberedEvent) -> Self:
        """Return how an event is shown."""
        body = event.body.model_dump(mode="json", exclude_defaults=True)
        return cls(id=event.sequence, event=event.kind, data={"at": event.at.isoformat()} | body)


class DeadLetterAnswer(Answer):
    """A message that a service could not handle."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DEAD_LETTER]})

    id: Id
    service: str
    event: str
    reason: str
    state: LetterState
    deployment: Id
    run: str | None
    message: str
    announced_at: datetime
    decided_at: datetime | None


def _summary(run: Run | None) -> RunSummary | None:
    return RunSummary.model_validate(run) if run else None


def _seconds(run: Run) -> float | None:
    return round((run.ended_at - run.created_at).total_seconds(), 3) if run.ended_at else None


def _failure(run: Run) -> FailureAnswer | None:
    if run.failure is None:
        return None
    found = run.failure
    return FailureAnswer(
        code=found.failure.code,
        what=f"{found.service} failed at {found.stage}",
        why=found.failure.message,
        outcome=found.outcome,
        next=found.next,
        retryable=found.failure.retryable,
    )
