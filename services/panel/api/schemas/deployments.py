"""Deployments, as operators ask for them and as the API shows them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from ...domain.deployments import DeploymentStatus
from ...domain.runs import Run
from ...service.runs import Overview
from .. import examples
from .configurations import ConfigurationQuestion
from .runs import RunSummary
from .shape import Answer, Id


class DeploymentQuestion(ConfigurationQuestion):
    """A new deployment: a domain and its first configuration."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DEPLOYMENT_QUESTION]})

    domain: Annotated[str, Field(max_length=1000)]


class Reached(Answer):
    """Where an application is, and whether the world can reach it there."""

    application: str
    host: str
    url: str | None
    """None until it is published."""


class AilmentAnswer(Answer):
    """What is wrong with an application or its machine, as deployer sees it."""

    application: str
    kind: str
    """`unit`, `http`, `disk` or `certificate`; others may follow."""
    message: str
    since: datetime
    """When it was first seen."""


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
    ailments: tuple[AilmentAnswer, ...]
    """What is wrong now; `degraded` while there is something and it is not paused."""
    ailing_at: datetime | None
    """When health was last told."""
    paused_at: datetime | None
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
            ailments=tuple(AilmentAnswer.model_validate(it) for it in deployment.ailments),
            ailing_at=deployment.ailing_at,
            paused_at=deployment.paused_at,
            active_run=_summary(standing.active),
            last_run=_summary(standing.newest),
            created_at=deployment.created_at,
            removed_at=deployment.removed_at,
        )


def _summary(run: Run | None) -> RunSummary | None:
    return RunSummary.model_validate(run) if run else None
