"""Webhooks reach a real receiver through a real queue, whatever the receiver does.

The clock stands until a test moves it, so nobody waits for the pauses between attempts.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.panel.adapters.postgres_ledgers import PostgresIdempotencyLedger
from services.panel.domain.webhooks import SCHEDULE_SECONDS, DeliveryState
from services.panel.service.housekeeping import Housekeeping
from shared import errors, ids
from shared.contracts.happenings import HappeningType
from tests.support import rig
from tests.support.eventually import eventually
from tests.support.happenings import HappeningRig, carry_all, running
from tests.support.receiver import receiving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from shared.embedded.servers.postgres import Access


@pytest.fixture
async def it(empty: Access) -> AsyncIterator[HappeningRig]:
    async with rig.tables(empty, "shared", "services.panel") as database:
        async with database.transaction() as tx:
            await tx.execute("truncate webhook_endpoints, webhook_messages, notifications cascade")
        made = HappeningRig(database=database)
        made.clock.at += timedelta(days=365)
        await made.sign_in()
        yield made


async def test_a_message_is_signed_and_sent_once(it: HappeningRig) -> None:
    async with receiving() as receiver:
        made = await it.endpoint(receiver.url)
        await it.tell()

        assert await carry_all(it.round()) == 1
        assert await carry_all(it.round()) == 0

    [got] = receiver.received
    [sent] = await it.sent(made.known.endpoint.id)
    assert (sent.state, sent.message, sent.attempt) == (DeliveryState.DELIVERED, got.id, 1)
    assert got.content["type"] == "deployment.created"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == receiver.address
    verifier = Webhook(made.secret.get_secret_value())
    with pytest.raises(WebhookVerificationError, match="too"):  # its clock is not the standing one
        verifier.verify(got.body, dict(got.headers))


async def test_the_sequence_counts_per_object(it: HappeningRig) -> None:
    one, other = ids.new_id(), ids.new_id()
    async with receiving() as receiver:
        await it.endpoint(receiver.url)
        for deployment in (one, other, one, one):
            await it.tell(deployment=deployment)
        await carry_all(it.round())

    found = sorted(
        (got.content["data"]["id"], got.content["sequence"]) for got in receiver.received
    )
    assert found == sorted([(one, 1), (one, 2), (one, 3), (other, 1)])


async def test_only_what_was_asked_for_is_sent(it: HappeningRig) -> None:
    async with receiving() as receiver:
        await it.endpoint(receiver.url, HappeningType.RUN_FAILED)
        await it.tell()

        assert await carry_all(it.round()) == 0


async def test_a_failure_is_tried_again_after_each_pause_under_the_same_id(
    it: HappeningRig,
) -> None:
    async with receiving(status=500) as receiver:
        made = await it.endpoint(receiver.url)
        await it.tell()
        for pause in SCHEDULE_SECONDS:
            if pause:
                it.clock.move(pause - 1)
                assert await carry_all(it.round()) == 0
                it.clock.move(1)
            assert await carry_all(it.round()) == 1
        it.clock.move(10 * 86400)
        assert await carry_all(it.round()) == 0

    assert len({got.id for got in receiver.received}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.received}) == 10
    [sent] = await it.sent(made.known.endpoint.id)
    assert (sent.state, sent.attempt) == (DeliveryState.FAILED, 10)


async def test_retry_after_is_honoured(it: HappeningRig) -> None:
    async with receiving(status=429) as receiver:
        receiver.headers["Retry-After"] = "600"
        await it.endpoint(receiver.url)
        await it.tell()
        await carry_all(it.round())

        it.clock.move(599)
        assert await carry_all(it.round()) == 0
        it.clock.move(1)
        assert await carry_all(it.round()) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(it: HappeningRig, status: int) -> None:
    async with receiving() as goal, receiving(status=status) as receiver:
        receiver.headers["Location"] = goal.url
        made = await it.endpoint(receiver.url)
        await it.tell()
        await carry_all(it.round())

        assert goal.received == []
    [sent] = await it.sent(made.known.endpoint.id)
    assert sent.state is DeliveryState.WAITING
    assert sent.answer is not None
    assert "final URL" in sent.answer.in_words


async def test_a_receiver_that_drips_bytes_is_cut_off(it: HappeningRig) -> None:
    async with receiving(status=200) as receiver:
        # The whole answer would take most of a minute.
        receiver.pause_between_bytes = 1.0
        made = await it.endpoint(receiver.url)
        await it.tell()
        begun = time.monotonic()

        await carry_all(it.round())

        assert time.monotonic() - begun < 15
    [sent] = await it.sent(made.known.endpoint.id)
    assert sent.answer is not None
    assert "within 2 s" in sent.answer.reason


async def test_of_a_long_answer_only_the_beginning_is_kept(it: HappeningRig) -> None:
    async with receiving(status=200) as receiver:
        receiver.body = b"\x1b[31m<b>" + b"x" * 5_000_000
        made = await it.endpoint(receiver.url)
        await it.tell()
        await carry_all(it.round())

    [sent] = await it.sent(made.known.endpoint.id)
    assert sent.state is DeliveryState.DELIVERED
    assert sent.answer is not None
    assert len(sent.answer.text) == 1024
    assert "\x1b" not in sent.answer.text


async def test_410_disables_the_endpoint_and_tells_people(it: HappeningRig) -> None:
    async with receiving(status=410) as receiver:
        made = await it.endpoint(receiver.url)
        await it.tell(3)
        await (await it.round().take() or asyncio.sleep(0))

        endpoint = await it.found(made.known.endpoint.id)
        assert not endpoint.is_enabled
        assert await carry_all(it.round()) == 0
        await it.tell()
        assert await carry_all(it.round()) == 0

    assert len(receiver.received) == 1
    states = [sent.state for sent in await it.sent(endpoint.id)]
    assert states == [DeliveryState.FAILED] * 3
    [told] = await it.told()
    assert told.type is HappeningType.ENDPOINT_DISABLED
    assert "410" in told.why(str)
    assert receiver.url not in repr(told.data)


async def test_five_days_of_failure_disable_the_endpoint_and_one_success_forgives(
    it: HappeningRig,
) -> None:
    async with receiving(status=500) as receiver:
        made = await it.endpoint(receiver.url)

        async def fail() -> None:
            await it.tell()
            await carry_all(it.round())

        await fail()
        it.clock.move(4 * 86400)
        receiver.status = 204
        await fail()
        assert (await it.found(made.known.endpoint.id)).failing_since is None
        receiver.status = 500
        await fail()
        it.clock.move(5 * 86400 - 60)
        await fail()
        assert (await it.found(made.known.endpoint.id)).is_enabled
        it.clock.move(60)
        await fail()

    endpoint = await it.found(made.known.endpoint.id)
    assert not endpoint.is_enabled
    assert "5 days" in endpoint.disabled_reason
    assert [told.type for told in await it.told()] == [HappeningType.ENDPOINT_DISABLED]


async def test_what_a_courier_left_is_carried_by_the_next_under_the_same_id(
    it: HappeningRig,
) -> None:
    async with receiving() as receiver:
        made = await it.endpoint(receiver.url)
        await it.tell()
        lost = await it.round().take()
        assert lost is not None
        assert await it.round().take() is None
        async with it.database.transaction() as tx:
            await tx.execute("update webhook_deliveries set lease_until = now() - interval '1 s'")

        assert await carry_all(it.round()) == 1
        await lost  # it was only slow: what it finds out counts no more

    assert len({got.id for got in receiver.received}) == 1
    assert len(receiver.received) == 2
    [sent] = await it.sent(made.known.endpoint.id)
    assert (sent.state, sent.attempt) == (DeliveryState.DELIVERED, 2)


async def test_an_endpoint_may_go_while_its_deliveries_wait_or_are_under_way(
    it: HappeningRig,
) -> None:
    async with receiving() as receiver:
        made = await it.endpoint(receiver.url)
        await it.tell(3)
        under_way = await it.round().take()
        async with it.database.transaction() as tx:
            await it.webhooks.remove(tx, it.caller, made.known.endpoint.id)

        assert under_way is not None
        await under_way
        assert await carry_all(it.round()) == 0

    assert len(receiver.received) == 1
    with pytest.raises(errors.NotFoundError):
        await it.found(made.known.endpoint.id)


async def test_what_waited_during_downtime_is_carried_once_each_by_two_couriers(
    it: HappeningRig, record_property: Callable[[str, object], None]
) -> None:
    count = 500
    async with receiving() as receiver, receiving() as slow:
        slow.hold = asyncio.Event()
        await it.endpoint(slow.url)
        await it.tell(200)
        await it.endpoint(receiver.url)
        await it.tell(count)
        begun = time.monotonic()

        async with running(it.courier()), running(it.courier()):
            await eventually(lambda: len(receiver.received) >= count, within=120)
            took = time.monotonic() - begun
            slow.hold.set()
            await asyncio.sleep(0)

        record_property("figure", f"webhooks after downtime: {count / took:.0f} deliveries/s")
    assert len(receiver.received) == count
    assert len({got.id for got in receiver.received}) == count


async def test_a_rotation_signs_with_both_keys_and_then_with_the_new_one(it: HappeningRig) -> None:
    async with receiving() as receiver:
        made = await it.endpoint(receiver.url)
        old = made.known.keys[0]
        async with it.database.transaction() as tx:
            rotated = await it.webhooks.rotate(
                tx, it.caller, made.known.endpoint.id, timedelta(hours=24)
            )
        await it.tell()
        await carry_all(it.round())
        it.clock.move(24 * 3600)
        await it.tell()
        await carry_all(it.round())

    assert [key.id for key in rotated.known.keys][1:] == [old.id]
    counts = [got.headers["webhook-signature"].count("v1,") for got in receiver.received]
    assert counts == [2, 1]


async def test_a_second_rotation_leaves_the_secret_that_a_receiver_still_has(
    it: HappeningRig,
) -> None:
    day, hour = timedelta(hours=24), 3600
    async with receiving() as receiver:
        made = await it.endpoint(receiver.url)
        for _ in range(2):
            async with it.database.transaction() as tx:
                await it.webhooks.rotate(tx, it.caller, made.known.endpoint.id, day)
            it.clock.move(hour)
        for pause in (22 * hour, hour, hour):
            await it.tell()
            await carry_all(it.round())
            it.clock.move(pause)

    counts = [got.headers["webhook-signature"].count("v1,") for got in receiver.received]
    assert counts == [3, 2, 1]


async def test_old_secrets_are_not_heaped_up_and_end_at_once_where_somebody_saw_them(
    it: HappeningRig,
) -> None:
    made = await it.endpoint("http://127.0.0.1:9999/hook")
    at_once, day = timedelta(), timedelta(hours=24)

    async def rotate(overlap: timedelta) -> int:
        async with it.database.transaction() as tx:
            found = await it.webhooks.rotate(tx, it.caller, made.known.endpoint.id, overlap)
        return len(found.known.keys)

    counts = [await rotate(day) for _ in range(3)]
    with pytest.raises(errors.QuotaExceededError, match="Wait until one of them has ended"):
        await rotate(day)

    assert counts == [2, 3, 4]
    assert await rotate(at_once) == 1


async def test_secrets_are_sealed_at_rest(it: HappeningRig) -> None:
    made = await it.endpoint("http://127.0.0.1:9999/hook")

    async with it.database.transaction() as tx:
        rows = await tx.fetch("select id, endpoint, sealed, public_key from webhook_keys")
        audit = await tx.fetch("select details from audit where action like 'webhook%'")
    secret = made.secret.get_secret_value()
    assert secret not in repr([dict(row) for row in rows])
    assert secret not in repr([dict(row) for row in audit])
    assert "/hook" not in repr([dict(row) for row in audit])


async def test_old_deliveries_are_forgotten_and_those_that_wait_are_not(it: HappeningRig) -> None:
    async with receiving() as receiver, receiving(status=500) as failing:
        made = await it.endpoint(receiver.url)
        other = await it.endpoint(failing.url)
        await it.tell()
        await carry_all(it.round())
    tidy = Housekeeping(
        database=it.database,
        deliveries=it.deliveries,
        notifications=it.register,
        idempotency=PostgresIdempotencyLedger(),
        clock=it.clock,
    )

    assert await tidy.tidy() == 0
    it.clock.move(30 * 86400 + 1)
    assert await tidy.tidy() == 1

    assert await it.sent(made.known.endpoint.id) == []
    assert len(await it.sent(other.known.endpoint.id)) == 1
