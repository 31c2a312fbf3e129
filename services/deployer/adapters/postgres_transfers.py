"""What deployer remembers while it carries state, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from ..domain import Import
from ..ports import Transfers

if TYPE_CHECKING:
    from shared.database import Database, Transaction

_KEEP: Final = """
insert into exports (deployment, export, sealed_password) values ($1, $2, $3)
on conflict (deployment, export) do update set sealed_password = exports.sealed_password
returning sealed_password
"""
_BEGIN: Final = """
insert into imports (deployment, export, run, applications) values ($1, $2, $3, $4)
on conflict do nothing
"""
_UNSETTLED: Final = """
select export, run, applications, is_accepted from imports where deployment = $1
"""


@dataclass(frozen=True, slots=True)
class PostgresTransfers(Transfers):
    """The tables exports and imports."""

    database: Database

    @override
    async def password(self, deployment: str, export: str, sealed: str) -> str:
        async with self.database.transaction() as tx:
            return str(await tx.fetchval(_KEEP, deployment, export, sealed))

    @override
    async def exported(self, tx: Transaction, deployment: str) -> None:
        await tx.execute("delete from exports where deployment = $1", deployment)

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        await self.exported(tx, deployment)
        await self.settle(deployment, tx)

    @override
    async def begin(self, deployment: str, begun: Import) -> None:
        values = (begun.export, begun.run, list(begun.applications))
        async with self.database.transaction() as tx:
            await tx.execute(_BEGIN, deployment, *values)

    @override
    async def unsettled(self, deployment: str, tx: Transaction | None = None) -> Import | None:
        if tx is None:
            async with self.database.transaction() as own:
                return await self.unsettled(deployment, own)
        row = await tx.fetchrow(_UNSETTLED, deployment)
        if row is None:
            return None
        return Import(
            export=row["export"],
            run=row["run"],
            applications=tuple(row["applications"]),
            is_accepted=row["is_accepted"],
        )

    @override
    async def accept(self, deployment: str) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(
                "update imports set is_accepted = true where deployment = $1", deployment
            )

    @override
    async def settle(self, deployment: str, tx: Transaction | None = None) -> None:
        if tx is None:
            async with self.database.transaction() as own:
                return await self.settle(deployment, own)
        await tx.execute("delete from imports where deployment = $1", deployment)
        return None
