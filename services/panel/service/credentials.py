"""First credentials as operators see them: listed, and each password revealed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from shared import errors

from ..domain.identity import Scope
from ..domain.records import Deed
from .configurations import owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction
    from shared.sealing import Unsealer

    from ..domain.credentials import Credential
    from ..domain.identity import Caller
    from ..ports import AuditTrail, CredentialRegister, DeploymentRegister


@dataclass(frozen=True, slots=True)
class KnownCredential:
    """A credential and where it opens something."""

    credential: Credential
    url: str | None
    """None while its application is not published."""


@dataclass(frozen=True, slots=True)
class RevealedCredential:
    """A credential with its password, for the one who asked and nobody after."""

    known: KnownCredential
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Tell operators how to sign in for the first time."""

    credentials: CredentialRegister
    deployments: DeploymentRegister
    unsealer: Unsealer
    audit: AuditTrail

    async def list_credentials(
        self, tx: Transaction, caller: Caller, deployment: str
    ) -> Sequence[KnownCredential]:
        """Return the credentials of a deployment by application, revealed ones as well."""
        caller.require(Scope.READ)
        found = owned(await self.deployments.find(tx, deployment), caller)
        kept = await self.credentials.list_all(tx, deployment)
        return [KnownCredential(it, found.url_of(it.application)) for it in kept]

    async def reveal(
        self, tx: Transaction, caller: Caller, deployment: str, application: str
    ) -> RevealedCredential:
        """Return a password and forget it; the lock makes whoever asks at once wait and lose."""
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        kept = await self.credentials.list_all(tx, deployment)
        known = next((it for it in kept if it.application == application), None)
        if known is None:
            raise errors.NotFoundError(
                "credential.not_found", "There is no first password of such an application here."
            )
        password = self._unseal(known)
        await self.credentials.forget_password(tx, deployment, application)
        deed = Deed("credential.revealed", deployment, {"application": application})
        await self.audit.record(tx, caller, deed)
        return RevealedCredential(KnownCredential(known, found.url_of(application)), password)

    def _unseal(self, credential: Credential) -> SecretStr:
        sealed = credential.require_sealed()
        try:
            return SecretStr(self.unsealer.unseal(sealed))
        except errors.InvalidError as error:
            raise errors.FaultError(
                "credential.unreadable",
                f"the first password of {credential.application} was not sealed to this panel's "
                f"age identity: {error.message}",
            ) from error
