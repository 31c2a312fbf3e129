"""The audit trail in PostgreSQL, as it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..domain.audit import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction

    from ..domain.audit import AuditFilter
    from ..domain.records import Page

_LIST: Final = """
select audit.id, audit.at, audit.person, people.name as person_name, audit.token,
    tokens.name as token_name, audit.operator, operators.name as operator_name, audit.action,
    audit.object, audit.details, audit.address, audit.request
from audit
left join people on people.id = audit.person
left join tokens on tokens.id = audit.token
left join operators on operators.id = audit.operator
where ($1::text is null or audit.operator = $1) and ($2::text is null or audit.id < $2)
    and ($3::text is null or audit.person = $3)
    and ($4::text is null or audit.action = $4 or starts_with(audit.action, $4 || '.'))
    and ($5::text is null or audit.object = $5)
    and ($6::timestamptz is null or audit.at >= $6)
    and ($7::timestamptz is null or audit.at < $7)
order by audit.id desc limit $8
"""


class PostgresAuditView:
    """Look at the audit trail."""

    async def list_entries(
        self, tx: Transaction, wanted: AuditFilter, page: Page, *, operator: str | None
    ) -> Sequence[AuditEntry]:
        """Return entries, newest first: of one operator, or of all."""
        rows = await tx.fetch(
            _LIST,
            operator,
            page.before,
            wanted.person,
            wanted.action,
            wanted.object,
            wanted.since,
            wanted.until,
            page.limit,
        )
        return [
            AuditEntry(
                id=row["id"],
                at=row["at"],
                person=row["person"],
                person_name=row["person_name"],
                token=row["token"],
                token_name=row["token_name"],
                operator=row["operator"],
                operator_name=row["operator_name"],
                action=row["action"],
                object=row["object"],
                details=row["details"],
                address=row["address"],
                request=row["request"],
            )
            for row in rows
        ]
