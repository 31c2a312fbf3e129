"""Cancelled runs on a real database: jobs stop between steps, and say so once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from shared import errors, ids, jobs
from shared.bus import dead_letters
from shared.jobs import store
from tests.support.eventually import eventually
from tests.support.work import DEPLOYMENT, Work, announced, ask, becomes, state

if TYPE_CHECKING:
    from shared.contracts.progress import Progress
    from shared.database import Database

Working = Callable[..., AbstractAsyncContextManager[None]]


async def cancel(database: Database, run: str) -> None:
    async with database.transaction() as tx:
        await jobs.cancel(tx, DEPLOYMENT, run)


def ends(work: Work) -> list[tuple[str, str, bool]]:
    return [(it.stage, it.failure.code, it.failure.retryable) for it in work.falls]


async def cancelled_within(
    database: Database, working: Working, work: Work, step: str, *, last_exit: bool = False
) -> str:
    """Cancel a run while a step is being done, let that go on, and return how the job ended."""
    gate, run = asyncio.Event(), ids.new_id()
    work.plant[step] = lambda _: gate.wait()
    async with working(work.kind(last_exit=last_exit)):
        await ask(database, run)
        await eventually(lambda: work.done[-1:] == [step], within=10)
        await cancel(database, run)
        gate.set()

        async def has_ended() -> bool:
            return await state(database) in {"done", "failed"}

        await eventually(has_ended, within=10)
    return await state(database)


async def test_a_job_that_waits_ends_without_being_begun(
    database: Database, working: Working, reports: list[Progress]
) -> None:
    work, run = Work(), ids.new_id()
    await ask(database, run)
    await cancel(database, run)

    async with working(work.kind()):
        await becomes(database, "failed")

    assert work.done == []
    assert reports == []
    assert ends(work) == [("one", "cancelled", True)]
    assert work.falls[0].failure.message == "The run was cancelled; it stopped before the step one."
    assert await announced(database) == 1


async def test_a_job_that_is_asked_for_later_ends_in_the_same_way(
    database: Database, working: Working
) -> None:
    work, run = Work(), ids.new_id()
    await cancel(database, run)

    async with working(work.kind()):
        await ask(database, run)
        await becomes(database, "failed")

    assert work.done == []
    assert ends(work) == [("one", "cancelled", True)]


async def test_a_running_job_stops_after_its_current_step(
    database: Database, working: Working
) -> None:
    work = Work()

    assert await cancelled_within(database, working, work, "two") == "failed"

    assert work.done == ["one", "two"]
    assert ends(work) == [("two", "cancelled", True)]
    assert await announced(database) == 1


async def test_a_job_whose_last_step_is_done_ends_well(
    database: Database, working: Working
) -> None:
    work = Work()

    assert await cancelled_within(database, working, work, "three") == "done"

    assert work.falls == []
    assert await announced(database) == 1


async def test_a_step_that_waits_for_the_world_is_not_tried_again(
    database: Database, working: Working
) -> None:
    def never(_: jobs.Job) -> None:
        raise errors.UnavailableError("world.away", "never")

    work, run = Work(plant={"two": never}), ids.new_id()
    async with working(work.kind()):
        await ask(database, run)
        await eventually(lambda: work.done[-1:] == ["two"], within=10)
        await cancel(database, run)
        await becomes(database, "failed")

    assert ends(work) == [("two", "cancelled", True)]


async def test_beyond_the_last_exit_a_job_goes_on_and_knows_that_it_is_cancelled(
    database: Database, working: Working
) -> None:
    seen: list[bool] = []
    work = Work(plant={"three": lambda job: seen.append(job.is_cancelled)})

    assert await cancelled_within(database, working, work, "two", last_exit=True) == "done"

    assert seen == [True]
    assert work.falls == []


async def test_beyond_the_last_exit_a_step_is_tried_again(
    database: Database, working: Working
) -> None:
    gate = asyncio.Event()

    def not_yet(_: jobs.Job) -> None:
        if not gate.is_set():
            raise errors.UnavailableError("world.away", "not yet")

    work, run = Work(plant={"two": not_yet}), ids.new_id()
    async with working(work.kind(last_exit=True)):
        await ask(database, run)
        await eventually(lambda: work.done[-1:] == ["two"], within=10)
        await cancel(database, run)
        gate.set()
        await becomes(database, "done")

    assert work.falls == []


async def test_before_the_last_exit_a_job_stops(database: Database, working: Working) -> None:
    work = Work()

    assert await cancelled_within(database, working, work, "one", last_exit=True) == "failed"

    assert work.done == ["one"]
    assert ends(work) == [("one", "cancelled", True)]


async def test_work_that_cleans_up_after_a_cancelled_run_is_done(
    database: Database, working: Working
) -> None:
    work, run = Work(), ids.new_id()
    await cancel(database, run)

    async with working(replace(work.kind(), can_be_cancelled=False)):
        await ask(database, run)
        await becomes(database, "done")

    assert work.done[:3] == ["one", "two", "three"]


async def stuck(database: Database, run: str) -> store.Lease:
    """Return a job that is claimed, as that of a worker which cannot write its end."""
    await ask(database, run)
    lease = await store.claim(database, "panel-1", 60.0, ["work"])
    assert lease is not None
    return lease


async def test_a_stuck_job_ends_when_its_run_is_cancelled(
    database: Database, working: Working
) -> None:
    work, run = Work(), ids.new_id()
    lease = await stuck(database, run)
    await dead_letters.DeadLetters("panel", database, {}).park(lease, ValueError("odd"))
    assert await state(database) == "stuck"

    await cancel(database, run)
    async with working(work.kind()):
        await becomes(database, "failed")

    assert ends(work) == [("one", "cancelled", True)]


async def test_a_job_that_gets_stuck_while_its_run_is_cancelled_ends_too(
    database: Database, working: Working
) -> None:
    work, run = Work(), ids.new_id()
    lease = await stuck(database, run)
    async with database.transaction() as tx:
        assert await store.park(tx, lease, ids.new_id())
        cancelling = asyncio.create_task(cancel(database, run))
        await asyncio.sleep(0.2)
    await cancelling

    async with working(work.kind()):
        await becomes(database, "failed")

    assert ends(work) == [("one", "cancelled", True)]


async def test_the_next_run_is_not_cancelled_and_nothing_is_left_of_the_last(
    database: Database, working: Working
) -> None:
    work, first = Work(), ids.new_id()
    await cancel(database, first)

    async with working(work.kind()):
        await ask(database, first)
        await becomes(database, "failed")
        await ask(database, ids.new_id())
        await becomes(database, "done")

    async with database.transaction() as tx:
        assert not await jobs.is_cancelled(tx, first)
    assert work.done[:3] == ["one", "two", "three"]
