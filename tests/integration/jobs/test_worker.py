"""Jobs on a real database: order, resumption, retries, and exactly one end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import pytest

from shared import errors, ids, jobs
from shared.contracts.progress import Progress, StepState
from shared.settings import RuntimeSettings
from tests.support.eventually import eventually
from tests.support.work import DEPLOYMENT, Counted, Work, announced, ask, becomes, state

if TYPE_CHECKING:
    from shared.database import Database

Working = Callable[..., AbstractAsyncContextManager[None]]


async def test_steps_are_done_in_order_and_the_end_is_announced_once(
    database: Database, working: Working, reports: list[Progress]
) -> None:
    work, run = Work(), ids.new_id()

    async with working(work.kind()):
        await ask(database, run)
        await becomes(database, "done")

    assert work.done == ["one", "two", "three", f"finish {run[-4:]} 1"]
    assert await announced(database) == 1
    seen = [(it.step, it.state) for it in reports]
    assert seen[:2] == [("one", StepState.RUNNING), ("one", StepState.SUCCEEDED)]
    assert len(seen) == 6


async def test_another_worker_goes_on_at_the_recorded_step(
    database: Database, working: Working
) -> None:
    work = Work(plant={"two": lambda _: asyncio.sleep(60)})
    async with working(work.kind()):
        await ask(database, ids.new_id())
        await eventually(lambda: work.done == ["one", "two"], within=10)
    assert await state(database) == "running"

    work.plant = {}
    async with working(work.kind()):
        await becomes(database, "done")

    assert work.done[:4] == ["one", "two", "two", "three"]
    assert await announced(database) == 1


async def test_a_world_that_is_not_ready_is_tried_again(
    database: Database, working: Working, reports: list[Progress]
) -> None:
    def not_yet(job: jobs.Job) -> None:
        if job.attempt < 3:
            raise errors.UnavailableError("world.away", "not yet")

    work = Work(plant={"two": not_yet})

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await becomes(database, "done")

    assert work.done.count("two") == 3
    assert [it.state for it in reports].count(StepState.RETRYING) == 2


@pytest.mark.parametrize(
    ("headway", "end", "attempts"), [((0, 1), "done", 3), ((1,), "failed", 1)], ids=["some", "none"]
)
async def test_patience_is_for_waiting_and_not_for_work_that_got_further(
    database: Database, working: Working, headway: tuple[int, ...], end: str, attempts: int
) -> None:
    async def long(job: jobs.Job) -> None:
        async with database.transaction() as tx:
            await tx.execute("update jobs set step_since = now() - interval '1 hour'")
        for done in headway:
            await job.report(done=done, total=4, unit="objects")
        if job.attempt < 3:
            raise errors.UnavailableError("world.away", "for a moment")

    work = Work(plant={"two": long})

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await becomes(database, end)

    assert work.done.count("two") == attempts


async def test_patience_ends_in_a_failure_that_names_the_step(
    database: Database, working: Working
) -> None:
    def never(_: jobs.Job) -> None:
        raise errors.UnavailableError("world.away", "never")

    work = Work(plant={"two": never})

    async with working(work.kind(patience_seconds=0.2)):
        await ask(database, ids.new_id())
        await becomes(database, "failed")

    assert [(it.stage, it.failure.code) for it in work.falls] == [("two", "world.away")]
    assert await announced(database) == 1


async def test_a_step_that_never_returns_is_cut_off_and_fails_the_job(
    database: Database, working: Working
) -> None:
    ended: list[str] = []

    async def hang(_: jobs.Job) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("two")

    work = Work(plant={"two": hang})

    async with working(work.kind(patience_seconds=0.1, margin_seconds=0.2)):
        await ask(database, ids.new_id())
        await becomes(database, "failed")

    assert ended == ["two"]
    assert [(it.stage, it.failure.code) for it in work.falls] == [("two", "step.timeout")]
    assert "step two did not end within 0.3 s" in work.falls[0].failure.message
    assert await announced(database) == 1


async def test_an_unforeseen_error_fails_the_job_without_its_words(
    database: Database, working: Working
) -> None:
    def break_down(_: jobs.Job) -> None:
        raise KeyError("private")

    work = Work(plant={"three": break_down})

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await becomes(database, "failed")

    assert work.falls[0].failure.code == "fault.unexpected"
    assert "private" not in work.falls[0].failure.message


async def test_a_step_can_send_the_job_back(database: Database, working: Working) -> None:
    sent: list[int] = []

    def back_once(_: jobs.Job) -> None:
        if not sent:
            sent.append(1)
            raise jobs.ReenterError("one")

    work = Work(plant={"three": back_once})

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await becomes(database, "done")

    assert work.done[:6] == ["one", "two", "three", "one", "two", "three"]


async def test_a_new_run_of_finished_work_does_every_step_again_and_knows_the_last_result(
    database: Database, working: Working
) -> None:
    known: list[Counted | None] = []
    work = Work(plant={"one": lambda job: known.append(job.previous("one", Counted))})

    async with working(work.kind()):
        for run in (ids.new_id(), ids.new_id()):
            await ask(database, run)
            await becomes(database, "done")

    assert known == [None, Counted(number=1)]
    assert await announced(database) == 2


async def test_the_same_run_asked_twice_is_done_once(database: Database, working: Working) -> None:
    work, run = Work(), ids.new_id()

    async with working(work.kind()):
        await ask(database, run)
        await ask(database, run)
        await becomes(database, "done")
        await ask(database, run)

    assert work.done.count("one") == 1


async def test_a_run_that_arms_a_running_job_again_begins_it_anew(
    database: Database, working: Working
) -> None:
    gate = asyncio.Event()
    work = Work(plant={"two": lambda _: gate.wait()})

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await eventually(lambda: work.done == ["one", "two"], within=10)
        second = ids.new_id()
        await ask(database, second)
        gate.set()
        await becomes(database, "done")

    assert work.done[:5] == ["one", "two", "one", "two", "three"]
    assert work.done[5].startswith(f"finish {second[-4:]}")
    assert await announced(database) == 1


async def test_a_message_of_an_older_run_changes_nothing(
    database: Database, working: Working
) -> None:
    older, newer = ids.new_id(), ids.new_id()
    work = Work()

    async with working(work.kind()):
        await ask(database, newer)
        await becomes(database, "done")
        await ask(database, older)
        async with database.transaction() as tx:
            await jobs.enqueue(tx, "work", deployment=DEPLOYMENT, revision=2, run=older)
        await ask(database, ids.new_id(), ids.new_id())
        await eventually(lambda: str(work.done).count("finish") == 2, within=10)

    assert older[-4:] not in str(work.done)
    async with database.transaction() as tx:
        assert await tx.fetchval("select count(*) from jobs where run = $1", older) == 0


async def test_a_job_that_is_sent_back_for_ever_ends(database: Database, working: Working) -> None:
    def back(_: jobs.Job) -> None:
        raise jobs.ReenterError("one")

    work = Work(plant={"two": back})

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await becomes(database, "failed")

    assert work.falls[0].failure.code == "job.keeps_going_back"


async def test_a_process_that_was_paused_does_not_do_its_own_job_twice(
    database: Database, working: Working
) -> None:
    gate = asyncio.Event()
    running: list[int] = []

    async def overlap(_: jobs.Job) -> None:
        running.append(1)
        assert len(running) == 1
        await gate.wait()
        running.pop()

    work = Work(plant={"two": overlap})
    async with working(work.kind()):
        await ask(database, ids.new_id())
        await eventually(lambda: work.done == ["one", "two"], within=10)
        async with database.transaction() as tx:
            await tx.execute("update jobs set lease_until = now() - interval '1 second'")
        database.jobs_nudge.set()
        await asyncio.sleep(0.1)
        gate.set()
        await becomes(database, "done")

    assert work.done.count("two") == 1


async def test_a_job_waits_for_a_look_that_is_under_way(
    database: Database, working: Working
) -> None:
    work = Work()
    async with database.transaction() as tx:
        await jobs.start_watch(tx, "calm", DEPLOYMENT)
        await tx.execute("update watches set lease_until = now() + interval '1 hour'")

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await ask(database, ids.new_id(), ids.new_id())
        await eventually(lambda: "finish" in str(work.done), within=10)
        assert str(work.done).count("finish") == 1
        async with database.transaction() as tx:
            await tx.execute("update watches set lease_until = null")
        await eventually(lambda: str(work.done).count("finish") == 2, within=10)


async def test_work_of_an_overtaken_run_ends_without_a_word(
    database: Database, working: Working
) -> None:
    gate = asyncio.Event()
    work = Work(plant={"two": lambda _: gate.wait()})

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await eventually(lambda: work.done == ["one", "two"], within=10)
        async with database.transaction() as tx:
            await jobs.enqueue(tx, "other", deployment=DEPLOYMENT, revision=2, run=ids.new_id())
        gate.set()

        async def is_abandoned() -> bool:
            async with database.transaction() as tx:
                found = await tx.fetchval("select state from jobs where kind = 'work'")
            return bool(found == "abandoned")

        await eventually(is_abandoned, within=10)

    assert await announced(database) == 0


async def test_a_deployment_has_one_job_at_a_time_and_others_do_not_wait_for_it(
    database: Database, working: Working
) -> None:
    gate, other = asyncio.Event(), ids.new_id()
    work = Work(plant={"two": lambda job: gate.wait() if job.deployment == DEPLOYMENT else None})

    async with working(work.kind()):
        run = ids.new_id()
        await ask(database, run)
        await eventually(lambda: work.done == ["one", "two"], within=10)
        async with database.transaction() as tx:
            await jobs.enqueue(tx, "work", deployment=DEPLOYMENT, revision=2, run=run)
        await ask(database, ids.new_id(), other)
        await eventually(lambda: "finish" in str(work.done), within=10)
        assert work.done.count("one") == 2
        gate.set()
        await eventually(lambda: str(work.done).count("finish") == 3, within=10)


async def test_a_pause_stops_the_job_at_a_named_step(
    database: Database, working: Working, reports: list[Progress]
) -> None:
    work = Work()
    paused = RuntimeSettings(step_pause_seconds=60, step_pause_steps=frozenset({"two"}))

    async with working(work.kind(), runtime=paused):
        await ask(database, ids.new_id())
        await eventually(lambda: bool(reports) and reports[-1].step == "two", within=10)

    assert work.done == ["one"]
    assert await state(database) == "running"
