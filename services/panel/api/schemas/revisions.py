"""Revisions and what is different between them, as the API shows them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue

from ...domain.changes import ApplicationChange
from ...domain.deployments import PastRevision
from ...service.past_revisions import Comparison
from .. import examples
from .configurations import ConfiguredApplication
from .shape import Answer, Id


class RevisionAnswer(Answer):
    """A configuration that was or will be deployed; it never changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REVISION]})

    deployment: Id
    number: Annotated[int, Field(examples=[1])]
    configuration: int
    """Version of the staged configuration it was made of."""
    created_at: datetime
    created_by: str
    deployed_at: datetime | None
    """When it came to run last; None: it never did."""
    applications: tuple[ConfiguredApplication, ...]

    @property
    def id(self) -> int:
        """What it is named by in a list."""
        return self.number

    @classmethod
    def of(cls, past: PastRevision) -> Self:
        """Return how a revision is shown."""
        it = past.revision
        return cls(
            deployment=it.deployment,
            number=it.number,
            configuration=it.configuration,
            created_at=it.created_at,
            created_by=past.by,
            deployed_at=it.deployed_at,
            applications=tuple(ConfiguredApplication.of(one) for one in it.applications),
        )


class OptionChangeAnswer(Answer):
    """One option with another value."""

    path: tuple[str, ...]
    """Its name, after those of the groups it is in."""
    before: JsonValue
    after: JsonValue
    is_secret: bool
    """Whether it is a secret, whose values are never shown."""


class ApplicationChangeAnswer(Answer):
    """What is different about one application."""

    application: str
    kind: str
    """`added`, `removed` or `changed`; more may come."""
    before: ConfiguredApplication | None
    after: ConfiguredApplication | None
    options: tuple[OptionChangeAnswer, ...]

    @classmethod
    def of(cls, it: ApplicationChange) -> Self:
        """Return how a change is shown."""
        return cls(
            application=it.application,
            kind=it.kind.value,
            before=ConfiguredApplication.of(it.before) if it.before else None,
            after=ConfiguredApplication.of(it.after) if it.after else None,
            options=tuple(OptionChangeAnswer.model_validate(one) for one in it.options),
        )


class ChangesAnswer(Answer):
    """What is different between two configurations of a deployment."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHANGES]})

    since: int | None
    """The earlier revision; None: there was none."""
    until: int | None
    """The later one; None: what is staged."""
    changes: tuple[ApplicationChangeAnswer, ...]

    @classmethod
    def of(cls, found: Comparison) -> Self:
        """Return how a comparison is shown."""
        return cls(
            since=found.before.revision.number if found.before else None,
            until=found.after.revision.number if found.after else None,
            changes=tuple(ApplicationChangeAnswer.of(it) for it in found.changes),
        )
