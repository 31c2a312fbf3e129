"""What deployer's memory of exports and imports promises.

The one in memory, and the one in a real database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.postgres_transfers import PostgresTransfers
from services.deployer.domain import Import
from shared import ids
from tests.support import rig
from tests.support.deployments import DEPLOYMENT, RUN
from tests.support.fakes.transaction import no_transaction
from tests.support.fakes.transfers import FakeTransfers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from services.deployer.ports import Transfers
    from shared.database import Transaction
    from shared.embedded.servers.postgres import Access

OTHER = ids.new_id()
IMPORT = Import(export=RUN, run=RUN, applications=("blog", "hello"))


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What deployer remembers, and the transactions in which it does."""

    transfers: Transfers
    transaction: Callable[[], AbstractAsyncContextManager[Transaction]]


@pytest.fixture
async def remembered(postgres: Access) -> AsyncIterator[Memory]:
    # One connection: what is done in a transaction must not need another.
    async with rig.tables(postgres, "shared", "services.deployer", connections=1) as found:
        yield Memory(transfers=PostgresTransfers(found), transaction=found.transaction)


@pytest.fixture(params=["fake", "postgres"])
def memory(request: pytest.FixtureRequest) -> Memory:
    if request.param == "fake":
        return Memory(transfers=FakeTransfers(), transaction=no_transaction)
    # A database is made only for the tests that need one.
    real: Memory = request.getfixturevalue("remembered")
    return real


async def test_an_export_has_the_password_that_was_made_first(memory: Memory) -> None:
    transfers = memory.transfers
    assert await transfers.password(DEPLOYMENT, RUN, "first") == "first"

    assert await transfers.password(DEPLOYMENT, RUN, "second") == "first"
    assert await transfers.password(DEPLOYMENT, OTHER, "other") == "other"
    assert await transfers.password(OTHER, RUN, "theirs") == "theirs"

    async with memory.transaction() as tx:
        await transfers.exported(tx, DEPLOYMENT)
    assert await transfers.password(DEPLOYMENT, RUN, "third") == "third"
    assert await transfers.password(OTHER, RUN, "fourth") == "theirs"


async def test_an_import_is_known_from_its_beginning_until_it_is_settled(memory: Memory) -> None:
    transfers = memory.transfers
    assert await transfers.unsettled(DEPLOYMENT) is None
    await transfers.begin(DEPLOYMENT, IMPORT)

    await transfers.begin(DEPLOYMENT, replace(IMPORT, export=OTHER))
    assert await transfers.unsettled(DEPLOYMENT) == IMPORT
    assert await transfers.unsettled(OTHER) is None

    await transfers.accept(DEPLOYMENT)
    async with memory.transaction() as tx:
        found = await transfers.unsettled(DEPLOYMENT, tx)
        assert found == replace(IMPORT, is_accepted=True)
        await transfers.settle(DEPLOYMENT, tx)
    assert await transfers.unsettled(DEPLOYMENT) is None


async def test_what_was_never_begun_can_be_accepted_and_settled(memory: Memory) -> None:
    await memory.transfers.accept(DEPLOYMENT)
    await memory.transfers.settle(DEPLOYMENT)

    assert await memory.transfers.unsettled(DEPLOYMENT) is None
