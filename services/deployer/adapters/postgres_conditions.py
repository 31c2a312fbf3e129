"""How applications are, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from typing_extensions import override

from ..domain import AilmentKind, Finding
from ..ports import Conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction

_FINDINGS: Final = """
select application, kind, message, since, seen, missed, told from findings
where deployment = $1 order by application, kind
"""
_NOTE: Final = """
insert into findings (deployment, application, kind, message, since, seen, missed, told)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""


class PostgresConditions(Conditions):
    """The tables pauses and findings."""

    @override
    async def pause(self, tx: Transaction, deployment: str) -> None:
        await tx.execute(
            "insert into pauses (deployment) values ($1) on conflict do nothing", deployment
        )

    @override
    async def resume(self, tx: Transaction, deployment: str) -> None:
        await tx.execute("delete from pauses where deployment = $1", deployment)

    @override
    async def is_paused(self, tx: Transaction, deployment: str) -> bool:
        sql = "select exists (select from pauses where deployment = $1)"
        return bool(await tx.fetchval(sql, deployment))

    @override
    async def findings(self, tx: Transaction, deployment: str) -> Sequence[Finding]:
        rows = await tx.fetch(_FINDINGS, deployment)
        return [Finding(**{**row, "kind": AilmentKind(row["kind"])}) for row in rows]

    @override
    async def note(self, tx: Transaction, deployment: str, findings: Sequence[Finding]) -> None:
        await tx.execute("delete from findings where deployment = $1", deployment)
        for it in findings:
            values = (it.message, it.since, it.seen, it.missed, it.told)
            await tx.execute(_NOTE, deployment, it.application, it.kind.value, *values)

    @override
    async def forget(self, tx: Transaction, deployment: str) -> None:
        await self.resume(tx, deployment)
        await self.note(tx, deployment, ())
