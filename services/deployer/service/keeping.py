"""Keeping what applications keep secret: made once, placed for ever, told to a person once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.contracts.deployer import FirstCredential
from shared.contracts.deployments import Mode

from ..domain import ApplicationSecret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import Catalogue, SecretKind
    from shared.database import Transaction
    from shared.sealing import Sealer, Unsealer

    from ..domain import Revision
    from ..ports import ApplicationSecrets, SecretMaker

OWNER: Final = "deployer"
"""To whom secrets are sealed."""
ADDRESSEE: Final = "panel"
"""Who shows an operator the first password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Makes the secrets that packages ask for, and announces those that people need."""

    secrets: ApplicationSecrets
    catalogue: Catalogue
    maker: SecretMaker
    sealer: Sealer
    unsealer: Unsealer

    async def ensure(self, revision: Revision) -> Sequence[ApplicationSecret]:
        """Return the secrets of a deployment, once those of this revision are among them.

        None is made for a prepared revision: those that belong to its data may be yet to come.

        Raises:
            NotFoundError: this provider does not offer an application any more.
        """
        deployment = revision.wanted.deployment
        kept = await self.secrets.of(deployment)
        there = {(it.application, it.name) for it in kept}
        missing = [
            (order.application, it.name, it.generate)
            for order in revision.wanted.applications
            for it in self.catalogue.get(order.application).state.secrets
            if it.generate and (order.application, it.name) not in there
        ]
        if not missing or revision.wanted.mode is not Mode.ACTIVE:
            return kept
        return await self.secrets.keep(
            deployment, await asyncio.gather(*(self._make(*it) for it in missing))
        )

    async def announce(self, tx: Transaction, revision: Revision) -> Sequence[FirstCredential]:
        """Return how to sign in where nobody has been told yet, sealed to panel."""
        users = {
            (it.name, it.administrator.secret): it.administrator.user
            for it in (self.catalogue.get(o.application) for o in revision.wanted.applications)
            if it.administrator
        }
        news = await self.secrets.announce(tx, revision.wanted.deployment, users.keys())
        return [
            FirstCredential(
                application=it.application,
                user=users[it.application, it.name],
                sealed_password=self.sealer.seal(ADDRESSEE, self.unsealer.unseal(it.sealed)),
            )
            for it in news
        ]

    async def _make(self, application: str, name: str, kind: SecretKind) -> ApplicationSecret:
        value = (await self.maker.make(kind)).get_secret_value()
        return ApplicationSecret(
            application=application,
            name=name,
            kind=kind,
            sealed=self.sealer.seal(OWNER, value),
            fingerprint=hashlib.sha256(value.encode()).hexdigest(),
        )
