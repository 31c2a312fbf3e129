"""Configurations, as operators send them and as the API shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue

from shared.contracts.deployments import ApplicationOrder

from ...domain.deployments import Revision
from ...service.configurations import ApplicationWish, Staged
from .. import examples
from .shape import Answer, Id, Question


class ApplicationQuestion(Question):
    """An application as an operator asks for it."""

    application: Annotated[str, Field(max_length=64, examples=["hello"])]
    version: Annotated[str | None, Field(max_length=64, examples=["1.0.0"])] = None
    host: Annotated[str | None, Field(max_length=300, examples=["hello.garden.example"])] = None
    """Below the domain, or the domain itself; the application's usual name when left out."""
    options: dict[str, JsonValue] = Field(default={})
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


class LeavingApplication(Answer):
    """An application that runs and that the next deploy takes away."""

    application: str
    host: str
    message: str
    """What becomes of its data."""


class ConfigurationAnswer(Answer):
    """What is staged and what runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CONFIGURATION]})

    deployment: Id
    staged: StagedConfiguration
    deployed: DeployedConfiguration | None
    has_changes: bool
    leaving: tuple[LeavingApplication, ...]
    """What runs and is not staged any more."""

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
            leaving=tuple(
                LeavingApplication(
                    application=it.order.application, host=it.order.host, message=it.fate
                )
                for it in found.leaving
            ),
        )
