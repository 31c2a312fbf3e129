"""What operators queue, and what is kept of what they asked, has its limits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.panel.adapters.postgres_ledgers import PostgresIdempotencyLedger
from services.panel.domain.refusals import TooManyAtOnceError
from services.panel.domain.webhooks import MOST_TESTS, MOST_WAITING, DeliveryState
from services.panel.service.couriers import MOST_OF_ONE, MOST_TO_ONE
from services.panel.service.housekeeping import Housekeeping
from shared import errors
from tests.support import rig
from tests.support.eventually import eventually
from tests.support.happenings import HappeningRig
from tests.support.receiver import receiving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.embedded.servers.postgres import Access


@pytest.fixture
async def it(empty: Access) -> AsyncIterator[HappeningRig]:
    async with rig.tables(empty, "shared", "services.panel") as database:
        async with database.transaction() as tx:
            await tx.execute("truncate webhook_endpoints, webhook_messages cascade")
        # Whoever is held up here is not to be given up meanwhile.
        made = HappeningRig(database=database, patience_seconds=60)
        await made.sign_in()
        yield made


async def test_answers_under_a_key_are_forgotten_after_a_day(it: HappeningRig) -> None:
    now = it.clock.now()
    async with it.database.transaction() as tx:
        for key, age in (("old", 25), ("new", 23)):
            await tx.execute(
                """insert into idempotency_keys (token, route, key, body_digest, created_at)
                values ('t', 'POST /', $1, '', $2)""",
                key,
                now - timedelta(hours=age),
            )
    tidy = Housekeeping(
        database=it.database,
        deliveries=it.deliveries,
        notifications=it.register,
        idempotency=PostgresIdempotencyLedger(),
        clock=it.clock,
    )

    await tidy.tidy()

    async with it.database.transaction() as tx:
        rows = await tx.fetch("select key from idempotency_keys where token = 't'")
    assert [row["key"] for row in rows] == ["new"]


async def test_one_operator_with_many_endpoints_does_not_hold_every_courier(
    it: HappeningRig,
) -> None:
    async with receiving() as receiver:
        for _ in range(3):
            await it.endpoint(receiver.url)
        await it.tell(MOST_TO_ONE)
        one, round_, works = it.caller, it.round(), []
        while (work := await round_.take()) is not None:
            works.append(work)
        await it.sign_in()
        await it.endpoint(receiver.url)
        await it.tell()
        of_another = await round_.take()
        assert of_another is not None
        await asyncio.gather(of_another, *works)

    assert it.caller.operator != one.operator
    assert len(works) == MOST_OF_ONE
    assert len(receiver.received) == MOST_OF_ONE + 1


async def test_nothing_is_sent_again_while_very_much_waits(it: HappeningRig) -> None:
    made = await it.endpoint("http://127.0.0.1:9999/hook")
    await it.tell()
    [waiting] = await it.sent(made.known.endpoint.id)
    async with it.database.transaction() as tx:
        await tx.execute(
            """insert into webhook_deliveries
                (id, endpoint, message, state, created_at, next_at)
            select 'many' || number, $1, $2, 'waiting', $3, $3
            from generate_series(2, $4::int) as it (number)""",
            waiting.endpoint,
            waiting.message,
            it.clock.now(),
            MOST_WAITING,
        )

    with pytest.raises(errors.QuotaExceededError, match="wait already"):
        async with it.database.transaction() as tx:
            await it.webhooks.resend(tx, it.caller, waiting.endpoint, waiting.id)


async def test_an_operator_tests_only_so_many_endpoints_at_once(it: HappeningRig) -> None:
    async with receiving() as receiver:
        receiver.hold = asyncio.Event()
        made = await it.endpoint(receiver.url)
        endpoint = made.known.endpoint.id
        under_way = [
            asyncio.create_task(it.webhooks.test(it.caller, endpoint)) for _ in range(MOST_TESTS)
        ]
        await eventually(lambda: len(receiver.received) == MOST_TESTS, within=10)

        with pytest.raises(TooManyAtOnceError):
            await it.webhooks.test(it.caller, endpoint)
        receiver.hold.set()
        await asyncio.gather(*under_way)
        again = await it.webhooks.test(it.caller, endpoint)

    assert again.state is DeliveryState.DELIVERED
