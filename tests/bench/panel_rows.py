"""Rows: what a panel knows after some years, written by SQL in seconds.

One deployment is staged through the panel; everything else is made of it in the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.panel.domain.steps import STEPS
from shared.embedded.servers import postgres
from tests.support import panel as rigs

if TYPE_CHECKING:
    import asyncpg

    from tests.support.panel import Json, PanelRig
    from tests.support.visitors import SignedIn

OPERATOR: Final = "Bench"
APPLICATIONS: Final = ("hello", "microblog")
FUNCTIONS: Final = Path(__file__).with_name("panel_rows.sql")
TABLES: Final = (
    "operators",
    "deployments",
    "runs",
    "run_steps",
    "run_events",
    "backups",
    "audit",
    "notifications",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one operator has."""

    first: int
    """Number of its first deployment: those of others differ."""
    deployments: int
    runs: int
    """Of each deployment."""


OWN: Final = Share(first=1, deployments=1_000, runs=20)
"""That of the operator whose pages are asked for."""
OTHERS: Final = tuple(Share(first=it * 10_000, deployments=250, runs=5) for it in range(1, 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What can be asked for, and how much there is beside it."""

    deployments: list[str]
    runs: list[str]
    backups: list[str]
    deeds: list[str]
    rows: dict[str, int]
    """Of every table, whoever's they are."""


async def fill(panel: PanelRig, visitor: SignedIn) -> Known:
    """Write the rows of the visitor's operator and of others, and return what there is."""
    async with postgres.connected(panel.access) as connection:
        await connection.execute(FUNCTIONS.read_text(encoding="utf-8"))
        pattern = await _pattern(panel)
        await _operator(connection, pattern, visitor, OWN)
        for share in OTHERS:
            await _operator(connection, pattern, await panel.session(), share)
        await connection.execute("analyze")
        return await _known(connection, visitor)


async def reopen(panel: PanelRig, visitor: SignedIn) -> list[tuple[str, str]]:
    """Let a run of every deployment go on; return run and deployment of each."""
    async with postgres.connected(panel.access) as connection:
        owner = await _owner(connection, visitor)
        await connection.execute("select bench_reopen($1)", owner)
        rows = await connection.fetch(
            "select id, deployment from runs where operator = $1 and state = 'running'", owner
        )
    return [(row["id"], row["deployment"]) for row in rows]


async def _pattern(panel: PanelRig) -> str:
    """Return a deployment that was staged, and asked to be deployed, through the panel."""
    async with panel.operator() as client:
        wishes: list[Json] = [{"application": it, "options": {}} for it in APPLICATIONS]
        body: Json = {"domain": rigs.a_domain(), "applications": wishes}
        answer = await client.post("/deployments", json=body)
        assert answer.status_code == 201, answer.text
        deployment: str = answer.json()["id"]
        await rigs.deploy(client, deployment)
    return deployment


async def _operator(
    connection: asyncpg.Connection, pattern: str, visitor: SignedIn, it: Share
) -> None:
    owner, who = await _owner(connection, visitor), visitor.person
    steps = [
        (kind.value, position, step.service, step.name)
        for kind, planned in STEPS.items()
        for position, step in enumerate(planned, start=1)
    ]
    await connection.execute(
        "select bench_deployments($1, $2, $3, $4, $5, $6)",
        *(pattern, owner, who, it.first, it.deployments, it.runs),
    )
    await connection.execute(
        "select bench_runs($1, $2, $3, $4, $5)", owner, who, it.first, it.deployments, it.runs
    )
    columns = [list(column) for column in zip(*steps, strict=True)]
    await connection.execute("select bench_work($1, $2, $3, $4, $5)", owner, *columns)
    await connection.execute("select bench_traces($1, $2, $3)", owner, who, it.first)


async def _owner(connection: asyncpg.Connection, visitor: SignedIn) -> str:
    found: str = await connection.fetchval(
        "select operator from memberships where person = $1", visitor.person
    )
    return found


async def _known(connection: asyncpg.Connection, visitor: SignedIn) -> Known:
    owner = await _owner(connection, visitor)

    async def newest(table: str) -> list[str]:
        query = f"select id from {table} where operator = $1 order by id desc"  # noqa: S608 - ours
        return [row["id"] for row in await connection.fetch(query, owner)]

    return Known(
        deployments=await newest("deployments"),
        runs=await newest("runs"),
        backups=await newest("backups"),
        deeds=await newest("audit"),
        rows={
            it: await connection.fetchval(f"select count(*) from {it}")  # noqa: S608 - ours
            for it in TABLES
        },
    )
