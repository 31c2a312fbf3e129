"""Events on a real bus and a real database: at least once on the wire, once in effect."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import asyncpg
import pytest

from shared import errors, ids
from shared.bus import outbox, streams
from shared.contracts import envelope as envelopes
from shared.contracts.deployer import ConfigDeployed
from shared.contracts.storage import StorageReady
from tests.support import messaging
from tests.support.bus import envelope_of
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.bus.connection import Connection
    from shared.bus.consumer import Routes
    from shared.contracts.messages import Event
    from shared.database import Database, Transaction
    from tests.support.bus import Bus

TRACE = "0af7651916cd43dd8448eb211c80319c"


def answering() -> Routes:
    """Note every StorageReady and answer it."""

    async def on_storage_ready(event: StorageReady, tx: Transaction) -> Sequence[Event]:
        await messaging.note(tx, event, str(event.revision))
        answer = ConfigDeployed(
            deployment=event.deployment,
            revision=event.revision,
            run=event.run,
            changed=True,
            systems=(),
        )
        return [answer]

    return {StorageReady: on_storage_ready}


async def publish_twice(connection: Connection, events: Sequence[Event]) -> list[str]:
    """Publish each event twice under its id, past the stream's own duplicate window, shuffled."""
    envelopes_of = [envelope_of(it, connection.service) for it in events]
    posts = [
        (event, envelope.headers() | {"Nats-Msg-Id": ids.new_id()})
        for event, envelope in zip(events, envelopes_of, strict=True)
        for _ in range(2)
    ]
    random.shuffle(posts)
    for event, headers in posts:
        subject = event.subject(connection.service)
        await messaging.publish_raw(connection, subject, headers, envelopes.encode(event))
    return [it.id for it in envelopes_of]


async def test_every_message_delivered_twice_and_shuffled_takes_effect_once(
    bus: Bus, database: Database
) -> None:
    deployments = [ids.new_id() for _ in range(5)]
    events = [messaging.storage_ready(it, n) for it in deployments for n in range(8)]

    async with (
        bus.connect("storage") as storage,
        bus.connect("deployer") as first,
        bus.connect("deployer") as second,
    ):
        messages = await publish_twice(storage, events)
        replicas = (
            *messaging.service(first, database, answering()),
            *messaging.service(second, database, answering()),
        )
        async with messaging.running(*replicas):
            await eventually(lambda: _is_done(bus, 2 * len(events) + len(events)), within=20)
            await eventually(lambda: _is_idle(first), within=10)

    assert Counter(await messaging.effects(database)) == Counter(messages)
    stored = Counter(it.split(".")[3] for it in await bus.stored())
    assert stored == {"StorageReady": 80, "ConfigDeployed": 40}


async def _is_done(bus: Bus, count: int) -> bool:
    return len(await bus.stored()) >= count


async def _is_idle(connection: Connection) -> bool:
    """Say whether everything has been delivered and acked."""
    subject = f"js.CONSUMER.INFO.{streams.EVENTS}.{connection.service}"
    info = await connection.ask(subject, b"", {}, seconds=2)
    return bool(info["num_pending"] == 0 and info["num_ack_pending"] == 0)


async def test_messages_of_one_deployment_are_handled_in_their_order(
    bus: Bus, database: Database
) -> None:
    deployments = [ids.new_id() for _ in range(6)]

    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        for number in range(15):
            for deployment in deployments:
                await messaging.publish(storage, messaging.storage_ready(deployment, number))
        async with messaging.running(*messaging.service(deployer, database, answering())):
            await eventually(lambda: _count(database, 90), within=20)

    for deployment in deployments:
        async with database.transaction() as tx:
            seen = await tx.fetch(
                "select note from effects where deployment = $1 order by position", deployment
            )
        assert [row["note"] for row in seen] == [str(number) for number in range(15)]


async def _count(database: Database, wanted: int) -> bool:
    return len(await messaging.effects(database)) == wanted


async def test_an_event_carries_its_cause_and_its_trace(bus: Bus, database: Database) -> None:
    event = messaging.storage_ready()
    envelope = envelope_of(event, "storage")
    traced = envelope.headers() | {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}

    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        await messaging.publish_raw(
            storage, event.subject("storage"), traced, envelopes.encode(event)
        )
        async with messaging.running(*messaging.service(deployer, database, answering())):
            await eventually(lambda: _is_done(bus, 2), within=10)

    async with bus.administrator() as administrator:
        answer = await administrator.jetstream().get_msg(streams.EVENTS, 2)
    read = envelopes.read(str(answer.subject), answer.headers)
    assert read.cause == envelope.id
    assert read.run == event.run
    assert read.service == "deployer"
    assert read.traceparent is not None
    assert read.traceparent.split("-")[1] == TRACE


async def test_what_a_transaction_that_fails_wrote_is_never_published(
    bus: Bus, database: Database
) -> None:
    async with bus.connect("storage") as storage:
        async with messaging.running(outbox.Relay(storage, database).run()):
            with pytest.raises(asyncpg.UndefinedTableError):
                await _add_and_fail(database)
            async with database.transaction() as tx:
                await outbox.add(tx, messaging.storage_ready(revision=2), service="storage")
            await eventually(lambda: _is_done(bus, 1), within=10)

        assert len(await bus.stored()) == 1


async def _add_and_fail(database: Database) -> None:
    async with database.transaction() as tx:
        await outbox.add(tx, messaging.storage_ready(), service="storage")
        await tx.execute("delete from nowhere")


async def test_several_relays_publish_each_row_once(bus: Bus, database: Database) -> None:
    async with database.transaction() as tx:
        written = [
            await outbox.add(tx, messaging.storage_ready(), service="storage") for _ in range(200)
        ]

    async with bus.connect("storage") as first, bus.connect("storage") as second:
        relays = (outbox.Relay(first, database), outbox.Relay(second, database))
        async with messaging.running(*(it.run() for it in relays)):
            await eventually(lambda: _is_empty(database), within=20)

    assert len(await bus.stored()) == len(written)


async def _is_empty(database: Database) -> bool:
    return await messaging.rows(database, "select count(*) from outbox") == [0]


async def test_a_full_stream_leaves_the_rows_in_the_outbox(bus: Bus, database: Database) -> None:
    await _limit(bus, 20_000)
    async with bus.connect("storage") as storage:
        async with database.transaction() as tx:
            for _ in range(100):
                await outbox.add(tx, messaging.storage_ready(), service="storage")
        async with messaging.running(outbox.Relay(storage, database).run()):
            await eventually(lambda: _is_partly_out(database, 100), within=10)
            held = (await messaging.rows(database, "select count(*) from outbox"))[0]
            assert 0 < held < 100
            assert len(await bus.stored()) == 100 - held

            await _limit(bus, 100_000_000)
            await eventually(lambda: _is_empty(database), within=10)

    assert len(await bus.stored()) == 100


async def _is_partly_out(database: Database, wanted: int) -> bool:
    """Say whether the relay has run and some of the rows have stayed."""
    [count] = await messaging.rows(database, "select count(*) from outbox")
    return 0 < int(count) < wanted


async def _limit(bus: Bus, max_bytes: int) -> None:
    async with bus.administrator() as administrator:
        context = administrator.jetstream()
        config = (await context.stream_info(streams.EVENTS)).config
        await context.update_stream(config.evolve(max_bytes=max_bytes))


async def test_an_event_that_could_never_be_published_is_refused_at_once(
    database: Database,
) -> None:
    nowhere = messaging.storage_ready("not an id")
    endless = messaging.storage_ready().model_copy(update={"run": "r" * streams.MAX_PAYLOAD})

    for event, code in ((nowhere, "event.deployment"), (endless, "event.too_large")):
        with pytest.raises(errors.FaultError, match=code):
            async with database.transaction() as tx:
                await outbox.add(tx, event, service="storage")


async def test_a_service_that_ends_gives_back_what_it_was_handling(
    bus: Bus, database: Database, new_database: Callable[[], Awaitable[Database]]
) -> None:
    begun: list[str] = []

    async def on_storage_ready(event: StorageReady, tx: Transaction) -> None:
        begun.append(event.deployment)
        await tx.execute("select pg_sleep(600)")

    another = await new_database()
    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        event = messaging.storage_ready()
        await messaging.publish(storage, event)
        stuck = messaging.service(deployer, database, {StorageReady: on_storage_ready})
        async with messaging.running(*stuck):
            await eventually(lambda: begun, within=10)
        async with messaging.running(*messaging.service(deployer, another, answering())):
            # The server itself would wait for ten seconds.
            await eventually(lambda: _count(another, 1), within=8)


async def test_an_event_nobody_here_asked_for_is_acked(bus: Bus, database: Database) -> None:
    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        await messaging.publish(storage, messaging.storage_ready())
        async with messaging.running(*messaging.service(deployer, database, {})):
            await eventually(lambda: _is_idle(deployer), within=10)

    assert await messaging.rows(database, "select id from dead_letters") == []
