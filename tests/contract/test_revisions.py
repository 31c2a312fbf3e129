"""What deployer's memory promises: facts join in any order, any number of times, for one wish.

The one in memory, and the one in a real database.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.postgres import PostgresRevisions
from services.deployer.domain import Generation, System
from shared import errors, ids
from shared.contracts.panel import DeploymentRequested
from shared.contracts.provisioner import VMReady
from shared.contracts.storage import StorageReady
from tests.support import rig
from tests.support.deployments import DEPLOYMENT, RUN, a_bucket, a_machine, a_wish
from tests.support.fakes.revisions import FakeRevisions
from tests.support.fakes.transaction import no_transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from services.deployer.ports import Revisions
    from shared.contracts.messages import RevisionEvent
    from shared.database import Transaction
    from shared.embedded.servers.postgres import Access

HOSTS = ["hello.garden.example", "moody.garden.example"]
OTHER = ids.new_id()


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What deployer remembers, and the transactions in which it learns."""

    revisions: Revisions
    transaction: Callable[[], AbstractAsyncContextManager[Transaction]]

    async def hear(self, fact: RevisionEvent) -> bool:
        """Hear a fact, and say whether it completed a revision."""
        async with self.transaction() as tx:
            if isinstance(fact, DeploymentRequested):
                await self.revisions.want(tx, fact)
            return await self.revisions.learn(tx, fact)

    async def keep(self, *generations: Generation) -> bool:
        async with self.transaction() as tx:
            return await self.revisions.keep(tx, DEPLOYMENT, generations)

    async def knows(self, wish: DeploymentRequested) -> bool:
        try:
            await self.revisions.revision(wish.deployment, wish.revision, wish.run)
        except errors.NotFoundError:
            return False
        return True


@pytest.fixture
async def remembered(postgres: Access) -> AsyncIterator[Memory]:
    # One connection: what is done in a transaction must not need another.
    async with rig.tables(postgres, "shared", "services.deployer", connections=1) as found:
        yield Memory(revisions=PostgresRevisions(found), transaction=found.transaction)


@pytest.fixture(params=["fake", "postgres"])
def memory(request: pytest.FixtureRequest) -> Memory:
    if request.param == "fake":
        return Memory(revisions=FakeRevisions(), transaction=no_transaction)
    # A database is made only for the tests that need one.
    real: Memory = request.getfixturevalue("remembered")
    return real


def facts(wish: DeploymentRequested, *, machine: int = 1) -> list[RevisionEvent]:
    common = {"deployment": wish.deployment, "revision": wish.revision, "run": wish.run}
    return [
        wish,
        VMReady(**common, machines=(a_machine(number=machine),)),
        StorageReady(**common, buckets=(a_bucket(),)),
    ]


def a_generation(*, number: int = 4, machine: int = 1, run: str = RUN) -> Generation:
    return Generation(
        machine=a_machine(number=machine).machine,
        number=number,
        system=System(f"/nix/store/system-{number}"),
        boot_id="boot",
        revision=number,
        run=run,
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_last_of_three_facts_completes_a_revision(
    memory: Memory, order: tuple[int, ...]
) -> None:
    heard = [await memory.hear(facts(a_wish())[number]) for number in order]

    assert heard == [False, False, True]


async def test_of_facts_heard_at_once_exactly_the_last_completes(memory: Memory) -> None:
    for _ in range(10):
        wish = a_wish(deployment=ids.new_id(), run=ids.new_id())

        heard = await asyncio.gather(*(memory.hear(it) for it in facts(wish)))

        assert sorted(heard) == [False, False, True]


async def test_facts_of_another_run_or_revision_complete_nothing(memory: Memory) -> None:
    wish = a_wish()
    other_run = facts(a_wish(run=ids.new_id()))
    other_number = facts(a_wish(number=2))

    heard = [
        await memory.hear(it)
        for it in (wish, other_run[1], other_run[2], other_number[1], other_number[2])
    ]

    assert not any(heard)


async def test_an_overtaken_wish_is_never_complete(memory: Memory) -> None:
    old, new = a_wish(), a_wish(number=2, run=ids.new_id())
    await memory.hear(old)
    await memory.hear(new)

    assert [await memory.hear(it) for it in facts(old)[1:]] == [False, False]
    assert [await memory.hear(it) for it in facts(new)[1:]] == [False, True]


async def test_a_wish_lacks_facts_until_it_is_complete(memory: Memory) -> None:
    wish = a_wish(number=2)
    lacking: list[int | None] = []
    for fact in (None, *facts(wish)):
        if fact:
            await memory.hear(fact)
        lacking.append(await memory.revisions.lacking(DEPLOYMENT, wish.run))

    assert lacking == [None, 2, 2, None]


async def test_a_run_that_was_overtaken_lacks_nothing(memory: Memory) -> None:
    old, new = a_wish(), a_wish(number=2, run=ids.new_id())
    await memory.hear(old)
    await memory.hear(new)

    async with memory.transaction() as tx:
        assert await memory.revisions.lacking(DEPLOYMENT, old.run, tx) is None
        assert await memory.revisions.lacking(DEPLOYMENT, new.run, tx) == 2
        await memory.revisions.part(tx, DEPLOYMENT, ids.new_id())
        assert await memory.revisions.lacking(DEPLOYMENT, new.run, tx) is None


async def test_an_older_wish_that_comes_late_brings_nothing_back(memory: Memory) -> None:
    old, new = a_wish(), a_wish(number=2, run=ids.new_id())

    heard = [await memory.hear(it) for it in (new, *facts(old), *facts(new)[1:])]

    assert heard == [False, False, False, False, False, True]


async def test_when_nothing_is_wanted_any_more_no_fact_completes_anything(memory: Memory) -> None:
    wish = a_wish()
    await memory.hear(wish)
    async with memory.transaction() as tx:
        await memory.revisions.part(tx, DEPLOYMENT, ids.new_id())

    assert [await memory.hear(it) for it in facts(wish)[1:]] == [False, False]


async def test_a_revision_comes_back_as_it_was_heard(memory: Memory) -> None:
    wish = a_wish(options={"title": "Mine"})
    for fact in facts(wish):
        await memory.hear(fact)

    found = await memory.revisions.revision(DEPLOYMENT, 1, wish.run)

    assert found.wanted == wish
    assert found.machines == (a_machine(),)
    assert found.buckets == (a_bucket(),)


async def test_a_revision_is_found_in_the_transaction_that_completed_it(memory: Memory) -> None:
    wish = a_wish()
    async with memory.transaction() as tx:
        await memory.revisions.want(tx, wish)
        for fact in facts(wish):
            await memory.revisions.learn(tx, fact)

        found = await memory.revisions.revision(DEPLOYMENT, 1, wish.run, tx)

    assert found.wanted == wish


async def test_an_incomplete_revision_is_not_found(memory: Memory) -> None:
    assert not await memory.knows(a_wish())
    await memory.hear(a_wish())

    assert not await memory.knows(a_wish())


async def test_every_machine_is_known_that_was_ever_granted(memory: Memory) -> None:
    assert not await memory.revisions.machines(DEPLOYMENT)
    for number in (1, 2):
        for fact in facts(a_wish(number=number, run=ids.new_id()), machine=number):
            await memory.hear(fact)

    found = await memory.revisions.machines(DEPLOYMENT)

    assert sorted(it.machine for it in found) == [a_machine(number=it).machine for it in (1, 2)]
    assert not await memory.revisions.machines(OTHER)


async def test_what_machines_were_left_with_replaces_what_was_known(memory: Memory) -> None:
    first, second = a_generation(machine=1), a_generation(machine=2)

    assert await memory.keep(second, first)
    assert await memory.revisions.generations(DEPLOYMENT) == [first, second]
    assert not await memory.revisions.generations(OTHER)

    assert await memory.keep(first)
    assert await memory.revisions.generations(DEPLOYMENT) == [first]


async def test_only_other_systems_are_a_change(memory: Memory) -> None:
    same = a_generation()
    assert await memory.keep(same)

    assert not await memory.keep(same)
    assert await memory.keep(a_generation(number=5))


async def test_facts_are_kept_for_what_runs_and_what_is_wanted(memory: Memory) -> None:
    wishes = [a_wish(number=number, run=ids.new_id()) for number in (1, 2, 3)]
    other = a_wish(deployment=OTHER, run=ids.new_id())
    for wish in (*wishes, other):
        for fact in facts(wish):
            await memory.hear(fact)

    await memory.keep(a_generation(run=wishes[1].run))

    assert [await memory.knows(it) for it in (*wishes, other)] == [False, True, True, True]


async def test_the_boot_of_a_machine_is_remembered(memory: Memory) -> None:
    await memory.keep(a_generation(machine=1), a_generation(machine=2))

    await memory.revisions.booted(DEPLOYMENT, a_machine(number=2).machine, "again")

    found = await memory.revisions.generations(DEPLOYMENT)
    assert [it.boot_id for it in found] == ["boot", "again"]


async def test_why_a_machine_was_not_started_is_remembered_until_it_is(memory: Memory) -> None:
    await memory.keep(a_generation(machine=1), replace(a_generation(machine=2), epoch=3))
    name = a_machine(number=2).machine

    await memory.revisions.refused(DEPLOYMENT, name, "an old copy")
    found = await memory.revisions.generations(DEPLOYMENT)
    assert [(it.epoch, it.refusal) for it in found] == [(1, ""), (3, "an old copy")]

    await memory.revisions.booted(DEPLOYMENT, name, "again")
    assert [it.refusal for it in await memory.revisions.generations(DEPLOYMENT)] == ["", ""]


async def test_a_host_begins_with_the_first_epoch_and_keeps_it(memory: Memory) -> None:
    assert await memory.revisions.epoch(DEPLOYMENT, "garden.example", HOSTS) == 1
    assert await memory.revisions.epoch(DEPLOYMENT, "garden.example", HOSTS[:1]) == 1
    assert await memory.revisions.epoch(DEPLOYMENT, "garden.example", []) == 1


async def test_a_host_that_another_deployment_answers_for_is_refused(memory: Memory) -> None:
    await memory.revisions.epoch(DEPLOYMENT, "garden.example", HOSTS[:1])

    with pytest.raises(errors.ConflictError, match=f"answers for {HOSTS[0]}, and only one"):
        await memory.revisions.epoch(OTHER, "garden.example", HOSTS)

    assert await memory.revisions.epoch(OTHER, "garden.example", HOSTS[1:]) == 1
    async with memory.transaction() as tx:
        await memory.revisions.forget(tx, DEPLOYMENT)
    assert await memory.revisions.epoch(OTHER, "garden.example", HOSTS) == 1


async def test_nothing_is_known_of_what_was_forgotten(memory: Memory) -> None:
    wish, other = a_wish(), a_wish(deployment=OTHER)
    for fact in (*facts(wish), *facts(other)):
        await memory.hear(fact)
    await memory.keep(a_generation())

    async with memory.transaction() as tx:
        await memory.revisions.forget(tx, DEPLOYMENT)

    assert not await memory.knows(wish)
    assert not await memory.revisions.machines(DEPLOYMENT)
    assert not await memory.revisions.generations(DEPLOYMENT)
    assert await memory.knows(other)
