"""Applications that can be deployed, as the API shows them."""

from typing import Self

from pydantic import ConfigDict

from shared.catalogue import Application

from .. import examples
from .shape import Answer


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
    withheld: str | None
    """Why it cannot be chosen anew; null where it can."""

    @classmethod
    def of(cls, application: Application, withheld: str | None) -> Self:
        """Return how an application is shown."""
        return cls(
            name=application.name,
            title=application.title,
            description=application.description,
            versions=application.versions,
            host_label=application.host_label,
            immutable=application.immutable,
            schema_url=f"/api/v1/applications/{application.name}/schema",
            withheld=withheld,
        )
