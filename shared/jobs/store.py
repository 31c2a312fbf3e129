"""The rows behind jobs and watches; every write of a worker is fenced by the epoch it claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from shared import ids, telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.contracts.failures import Failure
    from shared.contracts.messages import Value
    from shared.database import Database, Row, Transaction

# Looked up, not copied: a job that is enqueued while its run is being cancelled is cancelled too.
_COLUMNS: Final = """id, kind, deployment, revision, run, arguments, step, results, previous,
    attempt, reentries, rearmed, abandoned, epoch, cause, traceparent,
    exists (select from cancellations where cancellations.run = jobs.run) as cancelled"""
# Ids of runs rise with time. Messages may be handled in any order, and a dead letter long after:
# what belongs to an older run than the deployment has work for comes too late.
_ENQUEUE: Final = """
insert into jobs (id, kind, deployment, revision, run, arguments, state, cause, traceparent)
select $1, $2, $3, $4, $5, $6, 'queued', $7, $8
where not exists (select from jobs newer where newer.deployment = $3 and newer.run > $5)
on conflict (kind, deployment, revision) do update set
    run = excluded.run, arguments = excluded.arguments, cause = excluded.cause,
    traceparent = excluded.traceparent, rearmed = jobs.state = 'running', abandoned = false,
    state = case when jobs.state = 'running' then 'running' else 'queued' end,
    step = case when jobs.state = 'running' then jobs.step end,
    results = case when jobs.state = 'running' then jobs.results else '{}' end,
    attempt = 0, reentries = 0, step_since = null, failure = null, letter = null,
    created_at = now(), updated_at = now()
where jobs.run < excluded.run
"""
# Panel starts a run of a deployment only when the one before has ended: what is left of an
# earlier one has been overtaken.
_OVERTAKE: Final = """
update jobs set abandoned = true, updated_at = now(),
    state = case when state = 'running' then state else 'abandoned' end
where deployment = $1 and run < $2 and state in ('queued', 'running', 'stuck')
"""
_FORGET: Final = "delete from cancellations where deployment = $1 and run < $2"
_CANCEL: Final = """
insert into cancellations (run, deployment) values ($1, $2) on conflict (run) do nothing
"""
# A running one as well: it may be parked in this moment. Whoever claims it next ends it.
_FREE: Final = """
update jobs set state = case when state = 'stuck' then 'queued' else state end, letter = null
where run = $1 and state in ('running', 'stuck')
"""
_EMPTY: Final = """
update jobs set arguments = '{}', results = '{}', previous = '{}'
where deployment = $1 and run <= $2 and ($3::text is null or kind = $3)
"""
_CLAIM: Final = f"""
update jobs set state = 'running', lease_holder = $1, epoch = epoch + 1, updated_at = now(),
    -- Patience is for the world, not for the time that nobody worked.
    lease_until = now() + make_interval(secs => $2), step_since = null
where id = (
    select id from jobs waiting
    where kind = any($3) and id <> all($4)
      and (state = 'queued' or (state = 'running' and lease_until < now()))
      and not exists (select from jobs other where other.deployment = waiting.deployment
                      and other.id <> waiting.id and other.state = 'running')
      and not exists (select from watches look where look.deployment = waiting.deployment
                      and look.lease_until > now())
    order by created_at limit 1 for update skip locked)
returning {_COLUMNS}
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A job row as its holder last saw it."""

    row: Row

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.row["id"])

    @property
    def epoch(self) -> int:
        """The number of this claim."""
        return int(self.row["epoch"])


async def enqueue(  # noqa: PLR0913 - what identifies a job, spelt out
    tx: Transaction,
    kind: str,
    *,
    deployment: str,
    revision: int,
    run: str,
    arguments: Value | None = None,
) -> None:
    """Ask for a job; the same kind, deployment and revision again re-arms it for the new run."""
    await tx.execute(_OVERTAKE, deployment, run)
    await tx.execute(_FORGET, deployment, run)
    asked = arguments.model_dump(mode="json") if arguments else {}
    values = (ids.new_id(), kind, deployment, revision, run, asked)
    await tx.execute(_ENQUEUE, *values, tx.cause, telemetry.traceparent())
    tx.after_commit(tx.database.jobs_nudge.set)


async def cancel(tx: Transaction, deployment: str, run: str) -> None:
    """Let every job of a run end before its next step, those included that come later."""
    await tx.execute(_CANCEL, run, deployment)
    await tx.execute(_FREE, run)
    tx.after_commit(tx.database.jobs_nudge.set)


async def forget(tx: Transaction, deployment: str, run: str, *, kind: str | None = None) -> None:
    """Forget what jobs of a deployment, up to a run, were asked for and found; their rows stay.

    The rows say which run came last, so that nothing of an earlier one is begun again.

    Args:
        tx: the transaction that ends the run.
        deployment: what the jobs were about.
        run: the last run of which nothing is needed any more.
        kind: only jobs of this kind; else all of them.
    """
    await tx.execute(_EMPTY, deployment, run, kind)


async def is_cancelled(tx: Transaction, run: str) -> bool:
    """Say whether a run was cancelled."""
    return bool(await tx.fetchval("select exists (select from cancellations where run = $1)", run))


async def claim(
    database: Database, holder: str, seconds: float, kinds: Sequence[str], held: Sequence[str] = ()
) -> Lease | None:
    """Take the oldest job that nobody works on, or return None; those `held` are left alone."""
    try:
        async with database.transaction() as tx:
            row = await tx.fetchrow(_CLAIM, holder, seconds, list(kinds), list(held))
    except asyncpg.UniqueViolationError:
        return None  # another replica began a job of the same deployment in this moment
    return Lease(row=row) if row else None


async def extend(database: Database, lease: Lease, seconds: float) -> Lease | None:
    """Keep a job for another while; None when it is somebody else's by now."""
    return await _write(database, lease, "lease_until = now() + make_interval(secs => $3)", seconds)


async def begin_step(database: Database, lease: Lease, step: str) -> Lease | None:
    """Record that a step is being done."""
    change = """attempt = case when step is not distinct from $3 then attempt + 1 else 1 end,
        step_since = case when step is not distinct from $3 then coalesce(step_since, now())
                          else now() end, step = $3"""
    return await _write(database, lease, change, step)


async def end_step(database: Database, lease: Lease, done: Mapping[str, Any]) -> Lease | None:
    """Record what a step resulted in."""
    change = """results = results || $3, previous = previous || $3, step = null, attempt = 0,
        step_since = null"""
    return await _write(database, lease, change, dict(done))


async def go_back(database: Database, lease: Lease, step: str, keep: Sequence[str]) -> Lease | None:
    """Return to an earlier step and forget, for this run, what came after it."""
    change = """step = $3, attempt = 0, step_since = null, reentries = reentries + 1,
        results = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(results)
                   where key = any($4))"""
    return await _write(database, lease, change, step, list(keep))


async def restart(database: Database, lease: Lease) -> Lease | None:
    """Begin again at the first step, for the run that re-armed the job."""
    change = """rearmed = false, step = null, results = '{}', attempt = 0, reentries = 0,
        step_since = null"""
    return await _write(database, lease, change)


async def abandon(database: Database, lease: Lease) -> None:
    """End a job whose run has been overtaken; there is nobody left to tell."""
    async with database.transaction() as tx:
        await tx.execute(
            """update jobs set state = 'abandoned', lease_until = null, updated_at = now()
            where id = $1 and epoch = $2 and state = 'running' and abandoned""",
            lease.id,
            lease.epoch,
        )


async def seconds_in_step(database: Database, lease: Lease) -> float:
    """Return for how long the current step has been tried, by the database's clock."""
    async with database.transaction() as tx:
        found = await tx.fetchval(
            "select extract(epoch from now() - step_since) from jobs where id = $1", lease.id
        )
    return float(found or 0.0)


async def end(tx: Transaction, lease: Lease, failure: Failure | None) -> bool:
    """End a job, unless it was re-armed, overtaken or taken over in the meantime."""
    tag = await tx.execute(
        """update jobs set state = $3, failure = $4, lease_until = null, updated_at = now()
        where id = $1 and epoch = $2 and state = 'running' and not rearmed and not abandoned""",
        lease.id,
        lease.epoch,
        "failed" if failure else "done",
        failure.model_dump(mode="json") if failure else None,
    )
    return tag == "UPDATE 1"


async def park(tx: Transaction, lease: Lease, letter: str) -> bool:
    """Let a job wait for a person, unless it was re-armed, overtaken or taken over meanwhile."""
    tag = await tx.execute(
        """update jobs set state = 'stuck', letter = $3, lease_until = null, updated_at = now()
        where id = $1 and epoch = $2 and state = 'running' and not rearmed and not abandoned""",
        lease.id,
        lease.epoch,
        letter,
    )
    return tag == "UPDATE 1"


async def resume(tx: Transaction, letter: str) -> None:
    """Let a stuck job go on at the step at which it was."""
    await tx.execute(
        """update jobs set state = 'queued', letter = null, attempt = 0, reentries = 0,
            updated_at = now()
        where letter = $1 and state = 'stuck'""",
        letter,
    )
    tx.after_commit(tx.database.jobs_nudge.set)


async def give_up(tx: Transaction, letter: str) -> None:
    """End a stuck job; whoever decided so tells the rest."""
    await tx.execute(
        """update jobs set state = 'failed', letter = null, updated_at = now()
        where letter = $1 and state = 'stuck'""",
        letter,
    )


async def _write(database: Database, lease: Lease, change: str, *values: object) -> Lease | None:
    async with database.transaction() as tx:
        row = await tx.fetchrow(
            f"""update jobs set {change}, updated_at = now()
            where id = $1 and epoch = $2 and state = 'running' returning {_COLUMNS}""",  # noqa: S608 - constants of this module
            lease.id,
            lease.epoch,
            *values,
        )
    return Lease(row=row) if row else None


async def start_watch(tx: Transaction, kind: str, deployment: str) -> None:
    """Look after a deployment from now on."""
    await tx.execute(
        "insert into watches (kind, deployment) values ($1, $2) on conflict do nothing",
        kind,
        deployment,
    )


async def stop_watch(tx: Transaction, kind: str, deployment: str) -> None:
    """Look after a deployment no longer."""
    await tx.execute("delete from watches where kind = $1 and deployment = $2", kind, deployment)


async def claim_watch(database: Database, kind: str, seconds: float) -> str | None:
    """Take the watch that is due longest and return its deployment, or None."""
    async with database.transaction() as tx:
        found: str | None = await tx.fetchval(
            """update watches set lease_until = now() + make_interval(secs => $2)
            where kind = $1 and deployment = (
                select deployment from watches due
                where kind = $1 and next_at <= now()
                  and (lease_until is null or lease_until < now())
                  and not exists (select from jobs where jobs.deployment = due.deployment
                                  and jobs.state in ('queued', 'running'))
                order by next_at limit 1 for update skip locked)
            returning deployment""",
            kind,
            seconds,
        )
    return found


async def release_watch(database: Database, kind: str, deployment: str, pause: float) -> None:
    """Give a watch back until it is due again."""
    async with database.transaction() as tx:
        await tx.execute(
            """update watches set lease_until = null,
                next_at = now() + make_interval(secs => $3)
            where kind = $1 and deployment = $2""",
            kind,
            deployment,
            pause,
        )
