"""What only the database of deployer's memory can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.deployer.adapters.postgres import PostgresRevisions
from tests.support.deployments import DEPLOYMENT

if TYPE_CHECKING:
    from shared.database import Database

HOSTS = ["hello.garden.example", "moody.garden.example"]


async def test_the_highest_epoch_of_its_hosts_counts(database: Database) -> None:
    revisions = PostgresRevisions(database)
    assert await revisions.epoch(DEPLOYMENT, "garden.example", HOSTS) == 1
    async with database.transaction() as tx:
        await tx.execute("update epochs set epoch = 3 where host = $1", HOSTS[1])

    assert await revisions.epoch(DEPLOYMENT, "garden.example", HOSTS) == 3
    assert await revisions.epoch(DEPLOYMENT, "garden.example", HOSTS[:1]) == 1
