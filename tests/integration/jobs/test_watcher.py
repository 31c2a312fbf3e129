"""Watches on a real database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shared import ids, jobs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from shared.database import Database


async def test_a_watch_goes_on_after_a_look_that_failed(database: Database) -> None:
    looks: list[str] = []

    async def look(deployment: str) -> None:
        looks.append(deployment)
        raise ValueError("the world is odd")

    deployment = ids.new_id()
    async with database.transaction() as tx:
        await jobs.start_watch(tx, "odd", deployment)

    watch = jobs.Watch("odd", look, every_seconds=0.05)
    task = asyncio.create_task(jobs.Watcher(database=database, watch=watch).run())
    await eventually(lambda: len(looks) >= 2, within=10)
    async with database.transaction() as tx:
        await jobs.stop_watch(tx, "odd", deployment)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert set(looks) == {deployment}


async def test_a_watch_rests_while_a_job_of_its_deployment_is_active(database: Database) -> None:
    looks: list[str] = []

    async def look(deployment: str) -> None:
        looks.append(deployment)

    busy, calm = ids.new_id(), ids.new_id()
    async with database.transaction() as tx:
        await jobs.start_watch(tx, "calm", busy)
        await jobs.start_watch(tx, "calm", calm)
        await jobs.enqueue(tx, "work", deployment=busy, revision=1, run=ids.new_id())

    watch = jobs.Watch("calm", look, every_seconds=0.05)
    task = asyncio.create_task(jobs.Watcher(database=database, watch=watch).run())
    await eventually(lambda: len(looks) >= 3, within=10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert set(looks) == {calm}
