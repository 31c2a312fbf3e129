"""What deployer's memory of application secrets promises: one value each, for ever, to everybody.

The one in memory, and the one in a real database.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.postgres import PostgresApplicationSecrets
from services.deployer.domain import ApplicationSecret
from shared import errors, ids
from shared.catalogue import SecretKind
from tests.support import rig
from tests.support.deployments import DEPLOYMENT
from tests.support.fakes.application_secrets import FakeApplicationSecrets
from tests.support.fakes.transaction import no_transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from services.deployer.ports import ApplicationSecrets
    from shared.database import Transaction
    from shared.embedded.servers.postgres import Access

OTHER = ids.new_id()


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What deployer remembers, and the transactions in which it does."""

    secrets: ApplicationSecrets
    transaction: Callable[[], AbstractAsyncContextManager[Transaction]]

    async def announce(self, *names: tuple[str, str]) -> Sequence[ApplicationSecret]:
        async with self.transaction() as tx:
            return await self.secrets.announce(tx, DEPLOYMENT, names)


@pytest.fixture
async def remembered(postgres: Access) -> AsyncIterator[Memory]:
    async with rig.tables(postgres, "shared", "services.deployer") as found:
        yield Memory(secrets=PostgresApplicationSecrets(found), transaction=found.transaction)


@pytest.fixture(params=["fake", "postgres"])
def memory(request: pytest.FixtureRequest) -> Memory:
    if request.param == "fake":
        return Memory(secrets=FakeApplicationSecrets(), transaction=no_transaction)
    # A database is made only for the tests that need one.
    real: Memory = request.getfixturevalue("remembered")
    return real


def a_secret(name: str, *, application: str = "blog", value: str = "one") -> ApplicationSecret:
    return ApplicationSecret(
        application=application,
        name=name,
        kind=SecretKind.RANDOM_32,
        sealed=f"SEALED-{value}",
        fingerprint=f"sha256-{value}",
    )


async def test_secrets_come_back_as_they_were_kept_by_application_and_name(memory: Memory) -> None:
    first, second, third = a_secret("b"), a_secret("a"), a_secret("c", application="another")

    found = await memory.secrets.keep(DEPLOYMENT, [first, second, third])

    assert found == [third, second, first]
    assert await memory.secrets.of(DEPLOYMENT) == found


async def test_a_value_that_is_kept_never_changes(memory: Memory) -> None:
    await memory.secrets.keep(DEPLOYMENT, [a_secret("key")])

    found = await memory.secrets.keep(
        DEPLOYMENT, [a_secret("key", value="two"), a_secret("new", value="two")]
    )

    assert found == [a_secret("key"), a_secret("new", value="two")]


async def test_everybody_who_makes_the_same_secrets_at_once_gets_the_same_values(
    memory: Memory,
) -> None:
    names = ["a", "b", "c"]
    makers = [
        [a_secret(name, value=f"of-{number}") for name in (names if number % 2 else names[::-1])]
        for number in range(8)
    ]

    found = await asyncio.gather(*(memory.secrets.keep(DEPLOYMENT, made) for made in makers))

    assert len(found[0]) == len(names)
    assert all(it == found[0] for it in found)


async def test_the_secrets_of_another_deployment_are_never_read(memory: Memory) -> None:
    await memory.secrets.keep(OTHER, [a_secret("key", value="theirs")])

    assert await memory.secrets.of(DEPLOYMENT) == []
    assert await memory.secrets.keep(DEPLOYMENT, [a_secret("key")]) == [a_secret("key")]
    assert await memory.announce(("blog", "key")) == [a_secret("key")]
    assert await memory.secrets.of(OTHER) == [a_secret("key", value="theirs")]


async def test_a_secret_is_announced_once(memory: Memory) -> None:
    one, other = a_secret("password"), a_secret("password", application="other")
    await memory.secrets.keep(DEPLOYMENT, [one, other, a_secret("key")])

    assert await memory.announce(("blog", "password")) == [one]
    assert await memory.announce(("blog", "password"), ("other", "password")) == [other]
    assert await memory.announce(("blog", "password"), ("other", "password")) == []
    assert await memory.announce() == []


async def test_what_nobody_kept_cannot_be_announced(memory: Memory) -> None:
    assert await memory.announce(("blog", "password")) == []

    await memory.secrets.keep(DEPLOYMENT, [a_secret("password")])
    assert await memory.announce(("blog", "password")) == [a_secret("password")]


async def test_an_announcement_that_was_not_written_was_none(remembered: Memory) -> None:
    await remembered.secrets.keep(DEPLOYMENT, [a_secret("password")])

    async def interrupted() -> None:
        async with remembered.transaction() as tx:
            await remembered.secrets.announce(tx, DEPLOYMENT, [("blog", "password")])
            raise errors.FaultError("test.interrupted")

    with pytest.raises(errors.FaultError):
        await interrupted()

    assert await remembered.announce(("blog", "password")) == [a_secret("password")]


async def test_a_forgotten_deployment_has_no_secrets_and_others_keep_theirs(
    memory: Memory,
) -> None:
    await memory.secrets.keep(DEPLOYMENT, [a_secret("key")])
    await memory.secrets.keep(OTHER, [a_secret("key", value="theirs")])
    await memory.announce(("blog", "key"))

    async with memory.transaction() as tx:
        await memory.secrets.forget(tx, DEPLOYMENT)

    assert await memory.secrets.of(DEPLOYMENT) == []
    assert await memory.secrets.of(OTHER) == [a_secret("key", value="theirs")]
    await memory.secrets.keep(DEPLOYMENT, [a_secret("key", value="new")])
    assert await memory.announce(("blog", "key")) == [a_secret("key", value="new")]


async def test_exchanged_secrets_count_and_can_be_put_back(memory: Memory) -> None:
    key, other = a_secret("key"), a_secret("other")
    await memory.secrets.keep(DEPLOYMENT, [key, other])
    await memory.announce(("blog", "key"))
    theirs = a_secret("key", value="two"), a_secret("new", value="two")

    await memory.secrets.exchange(DEPLOYMENT, theirs)
    await memory.secrets.exchange(DEPLOYMENT, theirs)
    assert await memory.secrets.of(DEPLOYMENT) == [theirs[0], theirs[1], other]
    assert await memory.announce(("blog", "key")) == [theirs[0]]

    await memory.secrets.put_back(DEPLOYMENT)
    await memory.secrets.put_back(DEPLOYMENT)
    assert await memory.secrets.of(DEPLOYMENT) == [key, other]
    assert await memory.announce(("blog", "key"), ("blog", "new")) == []


async def test_settled_secrets_stay(memory: Memory) -> None:
    await memory.secrets.keep(DEPLOYMENT, [a_secret("key")])
    await memory.secrets.exchange(DEPLOYMENT, [a_secret("key", value="two")])

    async with memory.transaction() as tx:
        await memory.secrets.settle(tx, DEPLOYMENT)

    await memory.secrets.put_back(DEPLOYMENT)
    assert await memory.secrets.of(DEPLOYMENT) == [a_secret("key", value="two")]


async def test_the_same_value_stays_as_it_was_sealed_and_announced(memory: Memory) -> None:
    kept = a_secret("password")
    await memory.secrets.keep(DEPLOYMENT, [kept])
    await memory.announce(("blog", "password"))

    await memory.secrets.exchange(DEPLOYMENT, [replace(kept, sealed="SEALED-again")])

    assert await memory.secrets.of(DEPLOYMENT) == [kept]
    assert await memory.announce(("blog", "password")) == []


async def test_secrets_where_there_were_none_are_gone_when_they_are_put_back(
    memory: Memory,
) -> None:
    await memory.secrets.keep(OTHER, [a_secret("key", value="theirs")])
    await memory.secrets.exchange(DEPLOYMENT, [a_secret("key")])

    await memory.secrets.put_back(DEPLOYMENT)

    assert await memory.secrets.of(DEPLOYMENT) == []
    assert await memory.secrets.of(OTHER) == [a_secret("key", value="theirs")]


async def test_what_was_forgotten_cannot_be_put_back(memory: Memory) -> None:
    await memory.secrets.keep(DEPLOYMENT, [a_secret("key")])
    await memory.secrets.exchange(DEPLOYMENT, [a_secret("key", value="two")])

    async with memory.transaction() as tx:
        await memory.secrets.forget(tx, DEPLOYMENT)

    await memory.secrets.put_back(DEPLOYMENT)
    assert await memory.secrets.of(DEPLOYMENT) == []
