"""What runs that are over say, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..domain.history import FEWEST, RECENT
from .postgres_runs import COLUMNS, run_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.database import Transaction

    from ..domain.records import Page
    from ..domain.runs import Run, RunKind

_USUAL: Final = """
with recent as (
    select id from runs where kind = $1 and state = 'succeeded' order by id desc limit $2
)
select service, name, percentile_cont(0.5) within group (
    order by extract(epoch from ended_at - started_at)) as seconds
from run_steps join recent on run_steps.run = recent.id
where status = 'succeeded' and started_at is not null and ended_at is not null
group by service, name
having count(*) >= $3
"""


class PostgresRunHistory:
    """Look back at runs."""

    async def list_of_operator(self, tx: Transaction, operator: str, page: Page) -> Sequence[Run]:
        """Return an operator's runs, newest first."""
        rows = await tx.fetch(
            f"""select {COLUMNS} from runs where operator = $1 and ($2::text is null or id < $2)
            order by id desc limit $3""",  # noqa: S608 - a constant
            operator,
            page.before,
            page.limit,
        )
        return [run_of(row) for row in rows]

    async def domains(self, tx: Transaction, deployments: Sequence[str]) -> Mapping[str, str]:
        """Return the domain of each deployment."""
        rows = await tx.fetch(
            "select id, domain from deployments where id = any($1)", list(deployments)
        )
        return {row["id"]: row["domain"] for row in rows}

    async def people(self, tx: Transaction, people: Sequence[str]) -> Mapping[str, str]:
        """Return the name of each person."""
        rows = await tx.fetch("select id, name from people where id = any($1)", list(people))
        return {row["id"]: row["name"] for row in rows}

    async def usual_seconds(
        self, tx: Transaction, kind: RunKind
    ) -> Mapping[tuple[str, str], float]:
        """Return how long the steps of a kind usually take, by service and name."""
        rows = await tx.fetch(_USUAL, kind.value, RECENT, FEWEST)
        return {(row["service"], row["name"]): float(row["seconds"]) for row in rows}
