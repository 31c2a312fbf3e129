"""Domains and what was found of their records, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from ..domain.dns import Check, Finding
from ..domain.domain_watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.database import Row, Transaction

    from ..domain.records import NamePage

_WATCH: Final = "name, operator, created_at, is_right, doubted_at, good_at"
_FINDINGS: Final = TypeAdapter(tuple[Finding, ...])


class PostgresDomainRegister:
    """Know the domains of operators, and what was found when somebody looked."""

    async def list_names(self, tx: Transaction, operator: str, page: NamePage) -> Sequence[str]:
        """Return the domains of an operator, by name."""
        rows = await tx.fetch(
            """select name from domains
            where operator = $1 and ($2::text is null or name > $2) order by name limit $3""",
            operator,
            page.after,
            page.limit,
        )
        return [row["name"] for row in rows]

    async def find_owner(self, tx: Transaction, name: str) -> str | None:
        """Return the operator whose domain this is, or None."""
        found: str | None = await tx.fetchval("select operator from domains where name = $1", name)
        return found

    async def find_checks(self, tx: Transaction, names: Sequence[str]) -> Mapping[str, Check]:
        """Return what was found last of each domain."""
        rows = await tx.fetch(
            """select name, checked_at, findings, good_at from domains
            where name = any($1) and checked_at is not null""",
            list(names),
        )
        return {
            row["name"]: Check(
                at=row["checked_at"],
                findings=_FINDINGS.validate_python(row["findings"]),
                good_at=row["good_at"],
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

    async def claim_due(
        self, tx: Transaction, now: datetime, until: datetime, most: int
    ) -> Sequence[Watch]:
        """Take the domains that are due for a look; nobody else gets them until then.

        A domain is kept as long as there is a deployment on it, so all of them are in use.
        """
        rows = await tx.fetch(
            f"""update domains set recheck_at = $2 where name in (
                select name from domains where recheck_at <= $1
                order by recheck_at limit $3 for update skip locked)
            returning {_WATCH}""",  # noqa: S608 - a constant
            now,
            until,
            most,
        )
        return [_watch(row) for row in rows]

    async def lock_watch(self, tx: Transaction, name: str) -> Watch | None:
        """Return the watch over a domain, which nobody else changes meanwhile, or None."""
        row = await tx.fetchrow(
            f"select {_WATCH} from domains where name = $1 for no key update",  # noqa: S608
            name,
        )
        return _watch(row) if row else None

    async def keep_watch(self, tx: Transaction, watch: Watch, next_at: datetime) -> None:
        """Keep what is known of a domain's records, and when to look again."""
        await tx.execute(
            """update domains set is_right = $2, doubted_at = $3, good_at = $4, recheck_at = $5
            where name = $1""",
            watch.name,
            watch.is_right,
            watch.doubted_at,
            watch.good_at,
            next_at,
        )


def _watch(row: Row) -> Watch:
    return Watch(
        name=row["name"],
        operator=row["operator"],
        created_at=row["created_at"],
        is_right=row["is_right"],
        doubted_at=row["doubted_at"],
        good_at=row["good_at"],
    )
