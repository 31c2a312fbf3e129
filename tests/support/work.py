"""Work for a worker to do: three steps that a test plants something into, and what came of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared import ids, jobs
from shared.contracts.everyone import MessageDeadLettered
from shared.contracts.messages import Event, Value
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.database import Database, Transaction

DEPLOYMENT = ids.new_id()


class Counted(Value):
    number: int


@dataclass
class Work:
    """Three steps that remember how often they were done; a test plants what they do."""

    done: list[str] = field(default_factory=list)
    falls: list[jobs.Fall] = field(default_factory=list)
    plant: dict[str, Callable[[jobs.Job], object]] = field(default_factory=dict)

    async def _do(self, name: str, job: jobs.Job) -> Counted:
        self.done.append(name)
        if name in self.plant:
            outcome = self.plant[name](job)
            if asyncio.iscoroutine(outcome):
                await outcome
        return Counted(number=len(self.done))

    async def one(self, job: jobs.Job) -> Value | None:
        return await self._do("one", job)

    async def two(self, job: jobs.Job) -> Value | None:
        return await self._do("two", job)

    async def three(self, job: jobs.Job) -> Value | None:
        return await self._do("three", job)

    async def finish(self, job: jobs.Job, _: Transaction) -> Sequence[Event]:
        self.done.append(f"finish {job.run[-4:]} {job.result('one', Counted).number}")
        return [_event(job.deployment, "finished")]

    async def failed(self, job: jobs.Job, fall: jobs.Fall, _: Transaction) -> Sequence[Event]:
        self.falls.append(fall)
        return [_event(job.deployment, "failed")]

    def kind(
        self,
        patience_seconds: float = 30.0,
        margin_seconds: float = 30.0,
        *,
        last_exit: bool = False,
    ) -> jobs.Kind:
        steps = (
            jobs.Step("one", self.one),
            jobs.Step("two", self.two, patience_seconds, margin_seconds, last_exit),
            jobs.Step("three", self.three),
        )
        return jobs.Kind(name="work", steps=steps, finish=self.finish, failed=self.failed)


def _event(deployment: str, reason: str) -> Event:
    return MessageDeadLettered(
        deployment=deployment,
        service="panel",
        dead_letter=ids.new_id(),
        message=ids.new_id(),
        event="",
        reason=reason,
    )


async def ask(database: Database, run: str, deployment: str = DEPLOYMENT) -> None:
    async with database.transaction() as tx:
        await jobs.enqueue(tx, "work", deployment=deployment, revision=1, run=run)


async def state(database: Database) -> str:
    async with database.transaction() as tx:
        return str(await tx.fetchval("select state from jobs"))


async def announced(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.fetchval("select count(*) from outbox"))


async def becomes(database: Database, wanted: str) -> None:
    async def holds() -> bool:
        return await state(database) == wanted

    await eventually(holds, within=120)
