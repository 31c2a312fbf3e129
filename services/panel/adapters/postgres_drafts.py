"""Drafts of new deployments in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..domain import names
from ..domain.drafts import Draft, DraftedApplication
from .postgres_deployments import RELATED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.database import Row, Transaction

_DRAFT: Final = """
select d.id, d.operator, d.domain, d.applications, d.version, d.created_at, d.saved_at,
    d.deployment, d.run, p.name as saved_by
from drafts d join people p on p.id = d.saved_by
"""


class PostgresDraftRegister:
    """Keep drafts."""

    async def add(self, tx: Transaction, draft: Draft, *, by: str) -> None:
        """Keep a new draft."""
        await tx.execute(
            """insert into drafts (id, operator, domain, applications, saved_by)
            values ($1, $2, $3, $4, $5)""",
            draft.id,
            draft.operator,
            draft.domain,
            [_shown(it) for it in draft.applications],
            by,
        )

    async def find(self, tx: Transaction, draft: str) -> Draft | None:
        """Return a draft, or None."""
        row = await tx.fetchrow(f"{_DRAFT} where d.id = $1", draft)
        return _draft(row) if row else None

    async def lock(self, tx: Transaction, draft: str) -> Draft | None:
        """Return a draft that nobody else changes until the transaction ends, or None."""
        row = await tx.fetchrow(f"{_DRAFT} where d.id = $1 for no key update of d", draft)
        return _draft(row) if row else None

    async def save(self, tx: Transaction, draft: Draft, *, by: str) -> None:
        """Write what can change of a draft."""
        await tx.execute(
            """update drafts set domain = $2, applications = $3, version = $4, saved_at = now(),
                saved_by = $5, deployment = $6, run = $7
            where id = $1""",
            draft.id,
            draft.domain,
            [_shown(it) for it in draft.applications],
            draft.version,
            by,
            draft.deployment,
            draft.run,
        )

    async def remove(self, tx: Transaction, draft: str) -> None:
        """Keep nothing of a draft any more."""
        await tx.execute("delete from drafts where id = $1", draft)

    async def list_open(self, tx: Transaction, operator: str) -> Sequence[Draft]:
        """Return an operator's drafts that were not deployed, newest first."""
        rows = await tx.fetch(
            f"{_DRAFT} where d.operator = $1 and d.deployment is null order by d.id desc",
            operator,
        )
        return [_draft(row) for row in rows]

    async def is_domain_taken(self, tx: Transaction, operator: str, domain: str) -> bool:
        """Say whether a domain, or one above or below it, belongs to another operator."""
        above = list(names.lookup_names(domain))
        return bool(await tx.fetchval(RELATED, operator, above, domain))


def _draft(row: Row) -> Draft:
    return Draft(
        id=row["id"],
        operator=row["operator"],
        domain=row["domain"],
        applications=tuple(_application(it) for it in row["applications"]),
        version=row["version"],
        created_at=row["created_at"],
        saved_at=row["saved_at"],
        saved_by=row["saved_by"],
        deployment=row["deployment"],
        run=row["run"],
    )


def _shown(it: DraftedApplication) -> Mapping[str, object]:
    return {
        "application": it.application,
        "host": it.host,
        "entries": None if it.entries is None else {k: list(v) for k, v in it.entries.items()},
        "sealed_options": dict(it.sealed_options),
        "is_complete": it.is_complete,
    }


def _application(it: Mapping[str, Any]) -> DraftedApplication:
    entries = it["entries"]
    return DraftedApplication(
        application=it["application"],
        host=it["host"],
        entries=None
        if entries is None
        else {name: tuple(found) for name, found in entries.items()},
        sealed_options=it["sealed_options"],
        is_complete=it["is_complete"],
    )
