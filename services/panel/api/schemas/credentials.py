"""First credentials, as the API shows them."""

from typing import Self

from pydantic import ConfigDict

from ...service.credentials import KnownCredential, RevealedCredential
from .. import examples
from .shape import Answer


class CredentialAnswer(Answer):
    """The first user of an application."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CREDENTIAL]})

    application: str
    user: str
    url: str | None
    """None until it is published."""
    revealed: bool
    """Whether the password was revealed; it can be once."""

    @classmethod
    def of(cls, found: KnownCredential) -> Self:
        """Return how a credential is shown."""
        known = found.credential
        return cls(
            application=known.application,
            user=known.user,
            url=found.url,
            revealed=known.is_revealed,
        )


class RevealedCredentialAnswer(Answer):
    """The first user of an application, with the password, this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REVEALED_CREDENTIAL]})

    application: str
    user: str
    password: str
    url: str | None
    """None until it is published."""

    @classmethod
    def revealing(cls, found: RevealedCredential) -> Self:
        """Return how a credential is revealed."""
        known = found.known.credential
        return cls(
            application=known.application,
            user=known.user,
            password=found.password.get_secret_value(),
            url=found.known.url,
        )
