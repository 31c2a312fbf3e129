"""What deployer remembers of how applications are: in memory, and in a real database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.postgres_conditions import PostgresConditions
from services.deployer.domain import AilmentKind, Finding
from shared import ids
from tests.support import rig
from tests.support.deployments import DEPLOYMENT
from tests.support.fakes.conditions import FakeConditions
from tests.support.fakes.transaction import no_transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from services.deployer.ports import Conditions
    from shared.database import Transaction
    from shared.embedded.servers.postgres import Access

OTHER = ids.new_id()
SICK = Finding(
    application="hello",
    kind=AilmentKind.UNIT,
    message="hello: stopped",
    since=datetime(2026, 11, 21, 12, 30, tzinfo=UTC),
    seen=3,
    missed=1,
    told="hello: stopped",
)
FULL = Finding(application="hello", kind=AilmentKind.DISK, message="full", since=SICK.since)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What deployer remembers, and the transactions in which it does."""

    conditions: Conditions
    transaction: Callable[[], AbstractAsyncContextManager[Transaction]]


@pytest.fixture
async def remembered(postgres: Access) -> AsyncIterator[Memory]:
    async with rig.tables(postgres, "shared", "services.deployer", connections=1) as found:
        yield Memory(conditions=PostgresConditions(), transaction=found.transaction)


@pytest.fixture(params=["fake", "postgres"])
def memory(request: pytest.FixtureRequest) -> Memory:
    if request.param == "fake":
        return Memory(conditions=FakeConditions(), transaction=no_transaction)
    # A database is made only for the tests that need one.
    real: Memory = request.getfixturevalue("remembered")
    return real


async def test_a_pause_lasts_until_it_is_ended(memory: Memory) -> None:
    conditions = memory.conditions
    async with memory.transaction() as tx:
        assert not await conditions.is_paused(tx, DEPLOYMENT)
        await conditions.pause(tx, DEPLOYMENT)
        await conditions.pause(tx, DEPLOYMENT)
        assert await conditions.is_paused(tx, DEPLOYMENT)
        assert not await conditions.is_paused(tx, OTHER)

        await conditions.resume(tx, DEPLOYMENT)
        assert not await conditions.is_paused(tx, DEPLOYMENT)


async def test_what_is_wrong_replaces_what_was(memory: Memory) -> None:
    conditions = memory.conditions
    async with memory.transaction() as tx:
        assert not await conditions.findings(tx, DEPLOYMENT)
        await conditions.note(tx, DEPLOYMENT, [SICK, FULL])
        assert list(await conditions.findings(tx, DEPLOYMENT)) == [FULL, SICK]

        await conditions.note(tx, DEPLOYMENT, [FULL])
        assert list(await conditions.findings(tx, DEPLOYMENT)) == [FULL]
        assert not await conditions.findings(tx, OTHER)


async def test_nothing_is_known_of_what_was_forgotten(memory: Memory) -> None:
    conditions = memory.conditions
    async with memory.transaction() as tx:
        for deployment in (DEPLOYMENT, OTHER):
            await conditions.pause(tx, deployment)
            await conditions.note(tx, deployment, [SICK])

        await conditions.forget(tx, DEPLOYMENT)

        assert not await conditions.is_paused(tx, DEPLOYMENT)
        assert not await conditions.findings(tx, DEPLOYMENT)
        assert await conditions.is_paused(tx, OTHER)
