"""Jobs whose end cannot be written: they wait for a person, and never go round for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from shared import errors, ids, jobs
from shared.bus import dead_letters
from shared.contracts.everyone import MessageDeadLettered
from shared.contracts.messages import Event, Value
from shared.contracts.panel import DeadLetterDiscardRequested, DeadLetterReplayRequested
from shared.jobs import store
from shared.jobs.holding import MOST_ENDINGS
from tests.support.work import DEPLOYMENT, Work, announced, ask, becomes, state

if TYPE_CHECKING:
    from shared.database import Database, Transaction

Working = Callable[..., AbstractAsyncContextManager[None]]


class Text(Value):
    text: str


@dataclass
class Unable(Work):
    """Work whose second step fails, and whose ends fail as often as a test wants."""

    finishes_to_fail: int = 0
    failures_to_fail: int = 0
    endings: int = 0

    @override
    async def finish(self, job: jobs.Job, tx: Transaction) -> Sequence[Event]:
        self.endings += 1
        if self.endings <= self.finishes_to_fail:
            await tx.execute("select nonsense")
        return await super().finish(job, tx)

    @override
    async def failed(self, job: jobs.Job, fall: jobs.Fall, tx: Transaction) -> Sequence[Event]:
        self.endings += 1
        if self.endings <= self.failures_to_fail:
            raise ValueError("odd")
        return await super().failed(job, fall, tx)


def fail(_: jobs.Job) -> None:
    raise errors.FaultError("work.broke", "it broke")


async def announcement(database: Database) -> dict[str, Any]:
    """Return the last thing that was announced."""
    async with database.transaction() as tx:
        payload = await tx.fetchval("select payload from outbox order by position desc limit 1")
    found: dict[str, Any] = json.loads(payload)
    return found


async def get_stuck(database: Database, working: Working, run: str) -> Unable:
    work = Unable(plant={"two": fail}, failures_to_fail=MOST_ENDINGS)
    async with working(work.kind()):
        await ask(database, run)
        await becomes(database, "stuck")
    return work


async def decide(
    database: Database, kind: type[DeadLetterReplayRequested | DeadLetterDiscardRequested]
) -> None:
    said = await announcement(database)
    event = kind(deployment=DEPLOYMENT, service="panel", dead_letter=said["dead_letter"])
    letters = dead_letters.DeadLetters("panel", database, {})
    async with database.transaction() as tx:
        await letters.decide(event, tx)


async def test_a_job_whose_failure_cannot_be_written_is_stuck_and_says_so(
    database: Database, working: Working
) -> None:
    run = ids.new_id()

    work = await get_stuck(database, working, run)

    assert work.endings == MOST_ENDINGS
    assert work.done == ["one", "two"]
    said = await announcement(database)
    assert (said["service"], said["event"], said["run"]) == ("panel", "job work", run)
    assert said["reason"].startswith("its end could not be written: fault.unexpected: ValueError")
    assert await announced(database) == 1


async def test_a_stuck_job_goes_on_at_its_step_when_it_is_replayed(
    database: Database, working: Working
) -> None:
    work = await get_stuck(database, working, ids.new_id())
    work.plant = {}

    async with working(work.kind()):
        await decide(database, DeadLetterReplayRequested)
        await becomes(database, "done")

    assert work.done[:4] == ["one", "two", "two", "three"]
    assert await announced(database) == 2


async def test_a_stuck_job_that_is_discarded_is_over(database: Database, working: Working) -> None:
    work = await get_stuck(database, working, ids.new_id())

    async with working(work.kind()):
        await decide(database, DeadLetterDiscardRequested)

    assert await state(database) == "failed"
    assert work.done == ["one", "two"]
    assert await announced(database) == 1


async def test_a_new_run_arms_a_stuck_job_again(database: Database, working: Working) -> None:
    work = await get_stuck(database, working, ids.new_id())
    work.plant = {}

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await becomes(database, "done")

    assert work.done[2:5] == ["one", "two", "three"]


async def test_a_stuck_job_of_an_overtaken_run_is_left_alone(
    database: Database, working: Working
) -> None:
    await get_stuck(database, working, ids.new_id())
    async with database.transaction() as tx:
        await jobs.enqueue(tx, "other", deployment=DEPLOYMENT, revision=2, run=ids.new_id())

    await decide(database, DeadLetterReplayRequested)

    async with database.transaction() as tx:
        found = await tx.fetchval("select state from jobs where kind = 'work'")
    assert found == "abandoned"


@pytest.mark.parametrize(
    ("times", "end"), [(MOST_ENDINGS - 1, "done"), (MOST_ENDINGS, "failed")], ids=["soon", "never"]
)
async def test_a_success_that_cannot_be_written_is_a_failure_in_the_end(
    database: Database, working: Working, times: int, end: str
) -> None:
    work = Unable(finishes_to_fail=times)

    async with working(work.kind()):
        await ask(database, ids.new_id())
        await becomes(database, end)

    assert [it.stage for it in work.falls] == ["three"] * (end == "failed")
    assert await announced(database) == 1


async def test_a_job_that_breaks_off_for_another_reason_is_stuck_too(
    database: Database, working: Working
) -> None:
    async def unstorable(_: jobs.Job) -> Value:
        return Text(text="\0")

    work = Work()
    kind = jobs.Kind(
        name="work",
        steps=(jobs.Step("one", unstorable),),
        finish=work.finish,
        failed=work.failed,
    )

    async with working(kind):
        await ask(database, ids.new_id())
        await becomes(database, "stuck")

    assert (await announcement(database))["event"] == "job work"


async def test_panel_hears_of_its_own_stuck_job_at_once(database: Database) -> None:
    heard: list[MessageDeadLettered] = []

    async def hear(event: MessageDeadLettered, _: Transaction) -> None:
        heard.append(event)

    run = ids.new_id()
    await ask(database, run)
    lease = await store.claim(database, "panel-1", 60.0, ["work"])
    assert lease is not None
    letters = dead_letters.DeadLetters("panel", database, {MessageDeadLettered: hear})
    for _ in range(2):
        await letters.park(lease, ValueError("odd"))

    assert [(it.run, it.event) for it in heard] == [(run, "job work")]
