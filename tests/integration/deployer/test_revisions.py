"""Joining facts in a real database: any order, any number of times, only for the latest wish."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.postgres import PostgresRevisions
from services.deployer.domain import Generation, System
from shared import errors, ids
from shared.contracts.provisioner import VMReady
from shared.contracts.storage import StorageReady
from tests.support.deployments import DEPLOYMENT, a_bucket, a_machine, a_wish

if TYPE_CHECKING:
    from shared.contracts.messages import RevisionEvent
    from shared.contracts.panel import DeploymentRequested
    from shared.database import Database

HOSTS = ["hello.garden.example", "moody.garden.example"]


def facts(wish: DeploymentRequested) -> list[RevisionEvent]:
    common = {"deployment": wish.deployment, "revision": wish.revision, "run": wish.run}
    return [
        wish,
        VMReady(**common, machines=(a_machine(),)),
        StorageReady(**common, buckets=(a_bucket(),)),
    ]


async def hear(database: Database, fact: RevisionEvent) -> bool:
    """Let deployer's memory hear a fact, and say whether it completed a revision."""
    revisions = PostgresRevisions(database)
    async with database.transaction() as tx:
        if fact.event_name() == "DeploymentRequested":
            await revisions.want(tx, fact)  # type: ignore[arg-type]
        return await revisions.learn(tx, fact)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_last_of_three_facts_completes_a_revision(
    database: Database, order: tuple[int, ...]
) -> None:
    heard = [await hear(database, facts(a_wish())[number]) for number in order]

    assert heard == [False, False, True]


async def test_of_facts_heard_at_once_exactly_the_last_completes(database: Database) -> None:
    for _ in range(10):
        wish = a_wish(deployment=ids.new_id(), run=ids.new_id())

        heard = await asyncio.gather(*(hear(database, it) for it in facts(wish)))

        assert sorted(heard) == [False, False, True]


async def test_facts_of_another_run_or_revision_complete_nothing(database: Database) -> None:
    wish = a_wish()
    other_run = facts(a_wish(run=ids.new_id()))
    other_number = facts(a_wish(number=2))

    heard = [
        await hear(database, it)
        for it in (wish, other_run[1], other_run[2], other_number[1], other_number[2])
    ]

    assert not any(heard)


async def test_an_overtaken_wish_is_never_complete(database: Database) -> None:
    old, new = a_wish(), a_wish(number=2, run=ids.new_id())
    await hear(database, old)
    await hear(database, new)

    assert [await hear(database, it) for it in facts(old)[1:]] == [False, False]
    assert [await hear(database, it) for it in facts(new)[1:]] == [False, True]


async def test_a_revision_comes_back_as_it_was_heard(database: Database) -> None:
    wish = a_wish(options={"title": "Mine"})
    for fact in facts(wish):
        await hear(database, fact)

    found = await PostgresRevisions(database).revision(DEPLOYMENT, 1, wish.run)

    assert found.wanted == wish
    assert found.machines == (a_machine(),)
    assert found.buckets == (a_bucket(),)


async def test_an_incomplete_revision_is_not_found(database: Database) -> None:
    await hear(database, a_wish())

    with pytest.raises(errors.NotFoundError, match="VMReady"):
        await PostgresRevisions(database).revision(DEPLOYMENT, 1, a_wish().run)


async def test_facts_are_kept_for_what_runs_and_what_is_wanted(database: Database) -> None:
    revisions = PostgresRevisions(database)
    wishes = [a_wish(number=number, run=ids.new_id()) for number in (1, 2, 3)]
    for wish in wishes:
        for fact in facts(wish):
            await hear(database, fact)
    generation = Generation(
        machine=a_machine().machine,
        number=4,
        system=System("/nix/store/x"),
        boot_id="boot",
        revision=2,
        run=wishes[1].run,
    )

    async with database.transaction() as tx:
        await revisions.keep(tx, DEPLOYMENT, [generation])

    assert await revisions.generations(DEPLOYMENT) == [generation]
    async with database.transaction() as tx:
        runs = {row["run"] for row in await tx.fetch("select run from facts")}
    assert runs == {wishes[1].run, wishes[2].run}


async def test_a_host_begins_with_the_first_epoch_and_keeps_the_one_it_has(
    database: Database,
) -> None:
    revisions = PostgresRevisions(database)
    assert await revisions.epoch(DEPLOYMENT, "garden.example", HOSTS) == 1
    async with database.transaction() as tx:
        await tx.execute("update epochs set epoch = 3 where host = $1", HOSTS[1])

    assert await revisions.epoch(DEPLOYMENT, "garden.example", HOSTS) == 3
    assert await revisions.epoch(DEPLOYMENT, "garden.example", HOSTS[:1]) == 1
