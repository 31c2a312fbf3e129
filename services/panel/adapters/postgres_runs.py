"""Runs, their steps and their numbered events in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..domain.runs import (
    EventBody,
    NumberedEvent,
    Receipt,
    Run,
    RunEventKind,
    RunFailure,
    RunKind,
    RunState,
    RunStep,
    Standing,
    StepStatus,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from shared.contracts.messages import Value
    from shared.database import Row, Transaction

    from ..domain.records import Page

COLUMNS: Final = """runs.id, runs.operator, runs.number, runs.deployment, runs.kind, runs.revision,
    runs.state, runs.requested_by, runs.created_at, runs.started_at, runs.ended_at, runs.failure,
    runs.receipt, runs.changed, runs.held_by, runs.retry_of, runs.after, runs.backup,
    runs.sequence, runs.traceparent,
    runs.kind = 'deploy' and exists (
        select from revisions
        where revisions.deployment = runs.deployment and revisions.number = runs.revision
            and revisions.mode = 'prepared') as prepares"""
_RUN: Final = f"select {COLUMNS} from runs"  # noqa: S608 - a constant
# One row for what goes on in each deployment, one for what ended last.
_STANDINGS: Final = f"""
select distinct on (deployment, ended_at is null) {COLUMNS}
from runs
where deployment = any($1) and state not in ('superseded', 'cancelled')
order by deployment, ended_at is null, state = 'queued', ended_at desc, number
"""  # noqa: S608 - a constant
# What ended last of all that left a deployment other than it had been.
_CHANGES: Final = f"""
select distinct on (deployment) {COLUMNS}
from runs
where deployment = any($1) and kind in ('deploy', 'restore') and ended_at is not null
    and (state = 'succeeded' or failure ->> 'outcome' in ('partial', 'rollback_failed'))
order by deployment, ended_at desc, number desc
"""  # noqa: S608 - a constant
_ADD: Final = """
insert into runs (id, operator, number, deployment, kind, revision, state, requested_by,
    created_at, retry_of, traceparent, after, backup)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_STEP_COLUMNS: Final = (
    "position, service, name, status, attempt, started_at, ended_at, done, total, unit, settled"
)
_SAVE_STEP: Final = f"""
update run_steps set status = $3, attempt = greatest(attempt, $4), done = $5, total = $6,
    unit = $7, settled = $8,
    started_at = case when $3 in ('pending', 'skipped') then started_at
                      else coalesce(started_at, now()) end,
    ended_at = case when $3 in ('succeeded', 'failed', 'skipped') then coalesce(ended_at, now()) end
where run = $1 and position = $2 and not settled
returning {_STEP_COLUMNS}
"""  # noqa: S608 - a constant


class PostgresRunRegister:
    """Keep runs, their steps and their numbered events."""

    async def add(self, tx: Transaction, run: Run, steps: Sequence[RunStep]) -> Run:
        """Keep a new run and its steps, and return it with its display number."""
        number = await tx.fetchval(
            """update operators set last_run_number = last_run_number + 1
            where id = $1 returning last_run_number""",
            run.operator,
        )
        await tx.execute(
            _ADD,
            run.id,
            run.operator,
            number,
            run.deployment,
            run.kind.value,
            run.revision,
            run.state.value,
            run.requested_by,
            run.created_at,
            run.retry_of,
            run.traceparent,
            run.after,
            run.backup,
        )
        await tx.execute(
            """insert into run_steps (run, position, service, name, status)
            select $1, position, service, name, 'pending'
            from unnest($2::integer[], $3::text[], $4::text[]) as it (position, service, name)""",
            run.id,
            [it.position for it in steps],
            [it.service for it in steps],
            [it.name for it in steps],
        )
        return replace(run, number=number)

    async def find(self, tx: Transaction, run: str) -> Run | None:
        """Return a run, or None."""
        row = await tx.fetchrow(f"{_RUN} where id = $1", run)
        return run_of(row) if row else None

    async def lock(self, tx: Transaction, run: str) -> Run | None:
        """Return a run that nobody else changes until the transaction ends, or None."""
        row = await tx.fetchrow(f"{_RUN} where id = $1 for no key update", run)
        return run_of(row) if row else None

    async def save(self, tx: Transaction, run: Run) -> None:
        """Write what can change of a run, but for its sequence."""
        await tx.execute(
            """update runs set state = $2, started_at = $3, ended_at = $4, failure = $5,
                receipt = $6, changed = $7, held_by = $8, revision = $9
            where id = $1""",
            run.id,
            run.state.value,
            run.started_at,
            run.ended_at,
            _json(run.failure),
            _json(run.receipt),
            run.changed,
            run.held_by,
            run.revision,
        )

    async def list_newest(self, tx: Transaction, deployment: str, page: Page) -> Sequence[Run]:
        """Return a deployment's runs."""
        rows = await tx.fetch(
            f"""{_RUN} where deployment = $1 and ($2::text is null or id < $2)
            order by id desc limit $3""",
            deployment,
            page.before,
            page.limit,
        )
        return [run_of(row) for row in rows]

    async def list_receipts(self, tx: Transaction, deployment: str) -> Sequence[Receipt]:
        """Return what every removal of a deployment took away so far, oldest first."""
        rows = await tx.fetch(
            "select receipt from runs where deployment = $1 and receipt is not null order by id",
            deployment,
        )
        return [Receipt.model_validate(row["receipt"]) for row in rows]

    async def list_unfinished(self, tx: Transaction, deployment: str) -> Sequence[Run]:
        """Return a deployment's runs that have not ended, locked, oldest first."""
        rows = await tx.fetch(
            f"""{_RUN} where deployment = $1 and state in ('queued', 'running', 'cancelling')
            order by number for no key update""",
            deployment,
        )
        return [run_of(row) for row in rows]

    async def list_waiting_for(self, tx: Transaction, run: str) -> Sequence[Run]:
        """Return the runs that were to begin after a run, oldest first."""
        rows = await tx.fetch(f"{_RUN} where after = $1 order by number", run)
        return [run_of(row) for row in rows]

    async def find_restoring(self, tx: Transaction, backup: str) -> Run | None:
        """Return a run that brings a backup back and has not ended, or None."""
        row = await tx.fetchrow(
            f"""{_RUN} where backup = $1 and kind = 'restore'
                and state in ('queued', 'running', 'cancelling')
            order by number limit 1""",
            backup,
        )
        return run_of(row) if row else None

    async def was_activated(self, tx: Transaction, deployment: str) -> bool:
        """Say whether any run has begun to bring applications of a deployment to run."""
        found: bool = await tx.fetchval(
            """select exists (
                select from runs
                join revisions on revisions.deployment = runs.deployment
                    and revisions.number = runs.revision
                where runs.deployment = $1 and kind = 'deploy' and mode = 'active'
                    and started_at is not null)""",
            deployment,
        )
        return found

    async def standings(
        self, tx: Transaction, deployments: Sequence[str]
    ) -> Mapping[str, Standing]:
        """Return what the runs of each deployment say about it."""
        rows = await tx.fetch(_STANDINGS, list(deployments))
        active = {row["deployment"]: run_of(row) for row in rows if row["ended_at"] is None}
        newest = {row["deployment"]: run_of(row) for row in rows if row["ended_at"] is not None}
        rows = await tx.fetch(_CHANGES, list(deployments))
        change = {row["deployment"]: run_of(row) for row in rows}
        return {it: Standing(active.get(it), newest.get(it), change.get(it)) for it in deployments}

    async def list_steps(self, tx: Transaction, run: str) -> Sequence[RunStep]:
        """Return the steps of a run in order."""
        rows = await tx.fetch(
            f"select {_STEP_COLUMNS} from run_steps where run = $1 order by position",  # noqa: S608 - a constant
            run,
        )
        return [_step(row) for row in rows]

    async def save_step(self, tx: Transaction, run: str, step: RunStep) -> RunStep | None:
        """Write a step unless it is settled; return it as it is now, or None when settled."""
        row = await tx.fetchrow(
            _SAVE_STEP,
            run,
            step.position,
            step.status.value,
            step.attempt,
            step.done,
            step.total,
            step.unit,
            step.is_settled,
        )
        return _step(row) if row else None

    async def note_progress(self, tx: Transaction, run: str, place: int) -> bool:
        """Record how far the stream of progress was read; False when it was further before."""
        tag = await tx.execute(
            "update runs set progress_place = $2 where id = $1 and progress_place < $2", run, place
        )
        return tag == "UPDATE 1"

    async def append(self, tx: Transaction, run: str, kind: RunEventKind, body: EventBody) -> None:
        """Add an event under the run's next number."""
        sequence = await tx.fetchval(
            "update runs set sequence = sequence + 1 where id = $1 returning sequence", run
        )
        await tx.execute(
            "insert into run_events (run, sequence, kind, body) values ($1, $2, $3, $4)",
            run,
            sequence,
            kind.value,
            body.model_dump(mode="json", exclude_defaults=True),
        )

    async def list_events(
        self,
        tx: Transaction,
        run: str,
        *,
        after: int,
        limit: int,
        kind: RunEventKind | None = None,
    ) -> Sequence[NumberedEvent]:
        """Return a run's events after a number, in order, of one kind if that is given."""
        rows = await tx.fetch(
            """select sequence, at, kind, body from run_events
            where run = $1 and sequence > $2 and ($4::text is null or kind = $4)
            order by sequence limit $3""",
            run,
            after,
            limit,
            kind.value if kind else None,
        )
        return [
            NumberedEvent(
                sequence=row["sequence"],
                at=row["at"],
                kind=RunEventKind(row["kind"]),
                body=EventBody.model_validate(row["body"]),
            )
            for row in rows
        ]

    async def newest_sequences(self, tx: Transaction, runs: Sequence[str]) -> Mapping[str, int]:
        """Return the number of the newest event of each run."""
        rows = await tx.fetch("select id, sequence from runs where id = any($1)", list(runs))
        return {row["id"]: row["sequence"] for row in rows}


def _json(value: Value | None) -> JsonValue:
    return None if value is None else value.model_dump(mode="json")


def run_of(row: Row) -> Run:
    """Return the run in a row with the columns of one."""
    failure, receipt = row["failure"], row["receipt"]
    return Run(
        id=row["id"],
        operator=row["operator"],
        number=row["number"],
        deployment=row["deployment"],
        kind=RunKind(row["kind"]),
        revision=row["revision"],
        state=RunState(row["state"]),
        requested_by=row["requested_by"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        failure=RunFailure.model_validate(failure) if failure else None,
        receipt=Receipt.model_validate(receipt) if receipt else None,
        changed=row["changed"],
        held_by=row["held_by"],
        retry_of=row["retry_of"],
        after=row["after"],
        backup=row["backup"],
        sequence=row["sequence"],
        traceparent=row["traceparent"],
        prepares=row["prepares"],
    )


def _step(row: Row) -> RunStep:
    return RunStep(
        position=row["position"],
        service=row["service"],
        name=row["name"],
        status=StepStatus(row["status"]),
        attempt=row["attempt"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        done=row["done"],
        total=row["total"],
        unit=row["unit"],
        is_settled=row["settled"],
    )
