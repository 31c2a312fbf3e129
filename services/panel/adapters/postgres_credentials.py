"""First credentials in PostgreSQL, their passwords sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..domain.credentials import Credential

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.deployer import ConfigDeployed
    from shared.database import Transaction

# Ids of runs ascend: what comes again, or late, has no later run than what is kept.
_KEEP: Final = """
insert into first_credentials (deployment, application, run, username, sealed_password)
values ($1, $2, $3, $4, $5)
on conflict (deployment, application) do update set run = excluded.run,
    username = excluded.username, sealed_password = excluded.sealed_password, received_at = now()
where first_credentials.run < excluded.run
"""


class PostgresCredentialRegister:
    """Keep how operators sign in for the first time."""

    async def keep(self, tx: Transaction, event: ConfigDeployed) -> None:
        """Keep the credentials that deployer tells, but none that are older than those kept."""
        for it in event.credentials:
            place = (event.deployment, it.application)
            await tx.execute(_KEEP, *place, event.run, it.user, it.sealed_password)

    async def list_all(self, tx: Transaction, deployment: str) -> Sequence[Credential]:
        """Return the credentials of a deployment, by application."""
        rows = await tx.fetch(
            """select application, username, sealed_password from first_credentials
            where deployment = $1 order by application""",
            deployment,
        )
        return [
            Credential(
                application=row["application"],
                user=row["username"],
                sealed_password=row["sealed_password"],
            )
            for row in rows
        ]

    async def forget_password(self, tx: Transaction, deployment: str, application: str) -> None:
        """Keep no password of an application any more, only that there was one."""
        await tx.execute(
            """update first_credentials set sealed_password = null
            where deployment = $1 and application = $2""",
            deployment,
            application,
        )

    async def forget_all(self, tx: Transaction, deployment: str) -> None:
        """Keep nothing of a deployment any more."""
        await tx.execute("delete from first_credentials where deployment = $1", deployment)
