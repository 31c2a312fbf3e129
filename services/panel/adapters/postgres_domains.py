"""Domains and what was found of their records, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from ..domain.dns import Check, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.database import Transaction

_FINDINGS: Final = TypeAdapter(tuple[Finding, ...])


class PostgresDomainRegister:
    """Know the domains of operators, and what was found when somebody looked."""

    async def list_names(self, tx: Transaction, operator: str) -> Sequence[str]:
        """Return the domains of an operator, by name."""
        rows = await tx.fetch(
            "select name from domains where operator = $1 order by name", operator
        )
        return [row["name"] for row in rows]

    async def find_checks(self, tx: Transaction, names: Sequence[str]) -> Mapping[str, Check]:
        """Return what was found last of each domain."""
        rows = await tx.fetch(
            """select name, checked_at, findings from domains
            where name = any($1) and checked_at is not null""",
            list(names),
        )
        return {
            row["name"]: Check(
                at=row["checked_at"], findings=_FINDINGS.validate_python(row["findings"])
            )
            for row in rows
        }

    async def keep_check(self, tx: Transaction, name: str, check: Check) -> None:
        """Keep what was found; a domain that is given up meanwhile is no mistake."""
        await tx.execute(
            "update domains set checked_at = $2, findings = $3 where name = $1",
            name,
            check.at,
            _FINDINGS.dump_python(check.findings, mode="json"),
        )

    async def list_deployments(self, tx: Transaction, operator: str, name: str) -> Sequence[str]:
        """Return the deployments of an operator on a domain that are not removed."""
        rows = await tx.fetch(
            """select id from deployments
            where operator = $1 and domain = $2 and removed_at is null order by id""",
            operator,
            name,
        )
        return [row["id"] for row in rows]
