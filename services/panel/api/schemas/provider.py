"""The hosting provider's affairs, as the API is asked for them and shows them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from shared.catalogue import Application

from ...domain.provider import Notice, Quota, Trouble, TroubledRun
from .. import provider_examples as examples
from .runs import RunSummary
from .shape import Answer, Id, Question

Limit = Annotated[int | None, Field(ge=0, le=1_000_000)]


class QuotaQuestion(Question):
    """How much an operator may have; what is left out or null is not limited."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.QUOTA_QUESTION]})

    deployments: Limit = None
    applications: Limit = None
    """As they are staged."""
    storage_gib: Limit = None
    """Disks of machines and quotas of buckets together."""
    backups: Limit = None
    """Kept or being made, those of removed deployments too. What a restore replaces is kept once
    above it."""

    def quota(self) -> Quota:
        """Return what this asks for."""
        return Quota(
            deployments=self.deployments,
            applications=self.applications,
            storage_gib=self.storage_gib,
            backups=self.backups,
        )


class QuotaAnswer(Answer):
    """How much an operator may have; null is not limited."""

    version: int
    deployments: int | None
    applications: int | None
    storage_gib: int | None
    backups: int | None


class UsageAnswer(Answer):
    """What an operator has."""

    deployments: int
    applications: int
    storage_gib: int
    backups: int


class OperatorAnswer(Answer):
    """An operator, what it may have and what it has."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.OPERATOR]})

    id: Id
    name: str
    created_at: datetime
    quota: QuotaAnswer
    usage: UsageAnswer


class TroubledRunAnswer(RunSummary):
    """A run that is worth a look."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TROUBLED_RUN]})

    trouble: Trouble
    """`held` by a dead letter, going on for `long`, or `failed` lately."""
    operator: Id
    operator_name: str
    deployment: Id
    domain: str
    held_by: str | None
    """The dead letter that waits for a decision."""
    started_at: datetime | None
    ended_at: datetime | None
    why: str | None
    """What the service that failed said."""

    @classmethod
    def of_troubled(cls, found: TroubledRun) -> Self:
        """Return how such a run is shown."""
        run = found.run
        return cls(
            **RunSummary.model_validate(run).model_dump(),
            trouble=found.trouble,
            operator=run.operator,
            operator_name=found.operator_name,
            deployment=run.deployment,
            domain=found.domain,
            held_by=run.held_by,
            started_at=run.started_at,
            ended_at=run.ended_at,
            why=run.failure.failure.message if run.failure else None,
        )


class MachineAnswer(Answer):
    """A machine, as provisioner told of it."""

    machine: str
    applications: tuple[str, ...]
    ssh_address: str
    http_address: str
    told_at: datetime


class HousedAnswer(Answer):
    """A deployment and its machines."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HOUSED]})

    id: Id
    operator: Id
    operator_name: str
    domain: str
    machines: tuple[MachineAnswer, ...]


class CatalogueAnswer(Answer):
    """An application of the catalogue, and whether it can be chosen."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CATALOGUED]})

    name: str
    title: str
    versions: tuple[str, ...]
    is_offered: bool
    reason: str | None
    """Why it cannot be chosen."""

    @classmethod
    def of(cls, application: Application, reason: str | None) -> Self:
        """Return how an application is shown to the provider."""
        return cls(
            name=application.name,
            title=application.title,
            versions=application.versions,
            is_offered=reason is None,
            reason=reason,
        )


class WithholdQuestion(Question):
    """Why nobody can choose an application."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WITHHOLD_QUESTION]})

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class NoticeQuestion(Question):
    """What every page is to say at its top."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NOTICE_QUESTION]})

    message: Annotated[str, Field(min_length=1, max_length=500)]


class NoticeAnswer(Answer):
    """What every page says at its top; null for nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NOTICE]})

    message: str | None
    set_at: datetime | None

    @classmethod
    def of(cls, found: Notice | None) -> Self:
        """Return how a notice is shown."""
        return cls(message=found.message if found else None, set_at=found.set_at if found else None)
