"""Sealing: age encryption of small values to a service, so that nobody else can read them.

    Sealer(recipients).seal("deployer", plaintext)      # whoever knows the recipient may seal
    Unsealer(identity).unseal(sealed)                   # only the holder of the identity may read

A sealed value is printable: the age file as base64. Sealing the same value twice gives two texts.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import pyrage
from pydantic import SecretStr

from . import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

AGE_MAGIC: Final = b"age-encryption.org/v1"


def new_identity() -> tuple[SecretStr, str]:
    """Return a new secret identity and its public recipient."""
    identity = pyrage.x25519.Identity.generate()
    return SecretStr(str(identity)), str(identity.to_public())


class Sealer:
    """Seals values to services by their public recipients.

    Raises:
        InvalidError: a recipient is not an age recipient; every wrong one is named.
    """

    def __init__(self, recipients: Mapping[str, str]) -> None:
        self._recipients: dict[str, pyrage.x25519.Recipient] = {}
        wrong = {}
        for service, text in recipients.items():
            try:
                self._recipients[service] = pyrage.x25519.Recipient.from_str(text)
            except pyrage.RecipientError as error:
                wrong[service] = f"is not an age recipient (age1…): {error}"
        if wrong:
            names = ", ".join(sorted(wrong))
            message = f"the recipients of {names} cannot be read; correct the setting"
            raise errors.InvalidError("sealing.recipient", message, details=wrong)

    def require(self, *services: str) -> None:
        """Check that these services can be sealed to.

        Raises:
            NotFoundError: the recipient of one of them is not known here.
        """
        for service in services:
            self._recipient(service)

    def seal(self, service: str, plaintext: str) -> str:
        """Return the plaintext sealed to a service.

        Raises:
            NotFoundError: the service's recipient is not known here.
        """
        sealed = pyrage.encrypt(plaintext.encode(), [self._recipient(service)])
        return base64.b64encode(sealed).decode("ascii")

    def _recipient(self, service: str) -> pyrage.x25519.Recipient:
        if service in self._recipients:
            return self._recipients[service]
        raise errors.NotFoundError(
            "sealing.unknown_recipient",
            f"no recipient of {service} is known; add it to the setting `recipients`",
        )


class Unsealer:
    """Reads what was sealed to one identity.

    Raises:
        InvalidError: the identity is not an age identity.
    """

    def __init__(self, identity: SecretStr) -> None:
        try:
            self._identity = pyrage.x25519.Identity.from_str(identity.get_secret_value().strip())
        except pyrage.IdentityError:
            raise errors.InvalidError(
                "sealing.identity",
                "the age identity of this service cannot be read; its file must hold one line "
                "that begins with AGE-SECRET-KEY-1",
            ) from None  # the cause might repeat the secret

    @property
    def recipient(self) -> str:
        """The public recipient that belongs to this identity."""
        return str(self._identity.to_public())

    def unseal(self, sealed: str) -> str:
        """Return the plaintext of a sealed value.

        Raises:
            InvalidError: the value is damaged, or was sealed to somebody else.
        """
        try:
            plaintext: bytes = pyrage.decrypt(
                base64.b64decode(sealed, validate=True), [self._identity]
            )
            return plaintext.decode()
        except (pyrage.DecryptError, ValueError) as error:
            # The reason names a format or a key, never the value.
            reason = str(error) if isinstance(error, pyrage.DecryptError) else "not a sealed value"
            raise errors.InvalidError(
                "sealing.unreadable",
                f"a sealed value cannot be read by this service ({reason}); "
                "it has to be sealed again, to this service's recipient",
            ) from error


def is_sealed(text: str) -> bool:
    """Say whether a text has the form of a sealed value."""
    try:
        return base64.b64decode(text, validate=True).startswith(AGE_MAGIC)
    except ValueError:
        return False
