"""A database with the shared schema, and a worker whose kinds a test chooses."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from shared import database as databases
from shared import jobs
from shared.bus import dead_letters
from shared.settings import RuntimeSettings
from tests.support import rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from shared.contracts.progress import Progress
    from shared.embedded.servers.postgres import Access

RUNTIME = RuntimeSettings(lease_seconds=0.6)


@pytest.fixture
async def database(postgres: Access) -> AsyncIterator[databases.Database]:
    async with rig.tables(postgres, "shared") as found:
        yield found


@pytest.fixture
def reports() -> list[Progress]:
    return []


@pytest.fixture
def working(
    database: databases.Database, reports: list[Progress]
) -> Callable[..., contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def start(*kinds: jobs.Kind, runtime: RuntimeSettings = RUNTIME) -> AsyncIterator[None]:
        async def publish(progress: Progress) -> None:
            reports.append(progress)

        worker = jobs.Worker(
            service="panel",
            database=database,
            kinds={it.name: it for it in kinds},
            publish=publish,
            park=dead_letters.DeadLetters("panel", database, {}).park,
            settings=runtime,
        )
        task = asyncio.create_task(worker.work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return start
