"""What cannot be handled becomes a row that is announced, replayed or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared import errors, ids
from shared.bus import consumer, dead_letters
from shared.contracts import envelope as envelopes
from shared.contracts.everyone import MessageDeadLettered
from shared.contracts.messages import REGISTRY
from shared.contracts.panel import DeadLetterDiscardRequested, DeadLetterReplayRequested
from shared.contracts.storage import StorageReady
from tests.support import messaging
from tests.support.bus import envelope_of
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from shared.bus.connection import Connection
    from shared.bus.consumer import Routes
    from shared.contracts.messages import Event
    from shared.database import Database, Transaction
    from tests.support.bus import Bus


class Stubborn:
    """Handles StorageReady only when it has been mended."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.calls = 0

    async def on_storage_ready(self, event: StorageReady, tx: Transaction) -> None:
        self.calls += 1
        await messaging.note(tx, event)
        if self.error:
            raise self.error

    def routes(self) -> Routes:
        return {StorageReady: self.on_storage_ready}


class Announced:
    """Panel, reduced to what it hears about dead letters."""

    def __init__(self) -> None:
        self.events: list[MessageDeadLettered] = []

    async def on_dead_letter(self, event: MessageDeadLettered, _: Transaction) -> None:
        self.events.append(event)

    def routes(self) -> Routes:
        return {MessageDeadLettered: self.on_dead_letter}


async def letters_of(database: Database) -> Sequence[dead_letters.DeadLetter]:
    return await dead_letters.DeadLetters("deployer", database, {}).list_letters()


async def _has_letters(database: Database, count: int) -> bool:
    return len(await letters_of(database)) == count


@pytest.mark.parametrize(
    "error", [ValueError("odd"), errors.ConflictError("test.odd"), errors.FaultError("test.odd")]
)
async def test_a_message_that_keeps_failing_becomes_a_dead_letter(
    bus: Bus, database: Database, new_database: Callable[[], Awaitable[Database]], error: Exception
) -> None:
    stubborn, announced = Stubborn(error), Announced()
    event = messaging.storage_ready()

    async with (
        bus.connect("storage") as storage,
        bus.connect("deployer") as deployer,
        bus.connect("panel") as panel,
    ):
        parts = (
            *messaging.service(deployer, database, stubborn.routes()),
            *messaging.service(panel, await new_database(), announced.routes()),
        )
        async with messaging.running(*parts):
            message = await messaging.publish(storage, event)
            await eventually(lambda: announced.events, within=15)

    [letter] = await letters_of(database)
    assert stubborn.calls == consumer.MOST_DELIVERIES
    assert await messaging.effects(database) == []
    assert (letter.subject, letter.payload) == (event.subject("storage"), envelopes.encode(event))
    assert (letter.message, letter.event, letter.run) == (message, "StorageReady", event.run)
    assert announced.events == [letter.announcement("deployer")]


async def test_a_world_that_is_not_ready_is_waited_for(bus: Bus, database: Database) -> None:
    stubborn = Stubborn(errors.UnavailableError("test.away"))

    async with (
        bus.connect("storage") as storage,
        bus.connect("deployer") as deployer,
        messaging.running(*messaging.service(deployer, database, stubborn.routes())),
    ):
        await messaging.publish(storage, messaging.storage_ready())
        await eventually(lambda: stubborn.calls > consumer.MOST_DELIVERIES, within=15)
        stubborn.error = None
        await eventually(lambda: _has_effects(database, 1), within=15)

    assert not await letters_of(database)


async def _has_effects(database: Database, count: int) -> bool:
    return len(await messaging.effects(database)) == count


def _garbage() -> Mapping[str, tuple[str, dict[str, str], bytes]]:
    """Return messages that nobody can read; storage may send every one of them."""
    event = messaging.storage_ready()
    headers = envelope_of(event, "storage").headers()
    subject, payload = event.subject("storage"), envelopes.encode(event)
    return {
        "no headers": (subject, {}, payload),
        "no json": (subject, headers, b"\x00\xff{"),
        "a field is missing": (subject, headers, b"{}"),
        "an unknown type": (
            f"ev.storage.{event.deployment}.StorageReady",
            headers | {"ce-type": "eu.fediversity.StorageReady.v9"},
            payload,
        ),
        "another deployment": (f"ev.storage.{ids.new_id()}.StorageReady", headers, payload),
        "no deployment": ("ev.storage.garbage.StorageReady", headers, payload),
        "an id that is none": (subject, headers | {"ce-id": "1"}, payload),
        "bytes PostgreSQL refuses": (
            subject,
            headers | {"ce-id": "%00", "ce-run": "%00", "x": "a\0b"},
            payload,
        ),
        "in another's name": (subject, headers | {"ce-source": "/services/panel"}, payload),
    }


@pytest.mark.parametrize("kind", _garbage())
async def test_what_cannot_be_read_is_a_dead_letter_at_once(
    bus: Bus, database: Database, new_database: Callable[[], Awaitable[Database]], kind: str
) -> None:
    announced = Announced()
    subject, headers, payload = _garbage()[kind]

    async with (
        bus.connect("storage") as storage,
        bus.connect("deployer") as deployer,
        bus.connect("panel") as panel,
    ):
        parts = (
            *messaging.service(deployer, database, Stubborn(ValueError("no")).routes()),
            *messaging.service(panel, await new_database(), announced.routes()),
        )
        async with messaging.running(*parts):
            await messaging.publish_raw(storage, subject, headers, payload)
            await eventually(lambda: _from_deployer(announced), within=10)

    [letter] = await letters_of(database)
    assert letter.subject == subject
    assert letter.payload == payload
    assert letter.replays == 0
    assert _from_deployer(announced) == [letter.announcement("deployer")]


def _from_deployer(announced: Announced) -> Sequence[MessageDeadLettered]:
    """Return what deployer announced: panel cannot read the message either."""
    return [it for it in announced.events if it.service == "deployer"]


async def test_panel_hears_of_its_own_dead_letters_directly(bus: Bus, database: Database) -> None:
    announced = Announced()

    async with (
        bus.connect("storage") as storage,
        bus.connect("panel") as panel,
        messaging.running(*messaging.service(panel, database, announced.routes())),
    ):
        await messaging.publish_raw(storage, "ev.storage.garbage.StorageReady", {}, b"?")
        await eventually(lambda: _has_letters(database, 1), within=10)

    assert [it.service for it in announced.events] == ["panel"]
    assert announced.events[0].deployment == dead_letters.NO_DEPLOYMENT


async def _bury_one(connection: Connection, storage: Connection, database: Database) -> str:
    """Have a service bury one message at once; return the id of the dead letter."""
    stubborn = Stubborn(consumer.UndecodableError("test.odd"))
    async with messaging.running(*messaging.service(connection, database, stubborn.routes())):
        await messaging.publish(storage, messaging.storage_ready())
        await eventually(lambda: _has_letters(database, 1), within=15)
    [letter] = await letters_of(database)
    return letter.id


async def test_a_replay_handles_the_message_once_and_removes_the_row(
    bus: Bus, database: Database
) -> None:
    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        letter = await _bury_one(deployer, storage, database)
        mended = Stubborn(ValueError())
        mended.error = None

        async with (
            bus.connect("panel") as panel,
            messaging.running(*messaging.service(deployer, database, mended.routes())),
        ):
            for _ in range(2):
                await messaging.publish(panel, _replay(letter))
            await messaging.publish(panel, _replay(letter, service="storage"))
            await eventually(lambda: _has_letters(database, 0), within=10)

    assert mended.calls == 1
    assert len(await messaging.effects(database)) == 1


def _replay(letter: str, *, service: str = "deployer") -> Event:
    return DeadLetterReplayRequested(
        deployment=dead_letters.NO_DEPLOYMENT, service=service, dead_letter=letter
    )


async def test_a_replay_that_fails_keeps_the_row_and_says_so_again(
    bus: Bus, database: Database
) -> None:
    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        letter = await _bury_one(deployer, storage, database)
    stubborn = Stubborn(ValueError("still odd"))
    letters = dead_letters.DeadLetters("deployer", database, stubborn.routes())

    with pytest.raises(errors.ConflictError, match="ValueError"):
        await letters.replay(letter)

    kept = await letters.get(letter)
    assert kept.replays == 1
    assert "ValueError" in kept.reason
    assert await messaging.effects(database) == []
    announced = await messaging.rows(
        database, "select type from outbox where type like '%MessageDeadLettered%'"
    )
    assert len(announced) >= 1


async def test_a_replay_while_the_world_is_away_changes_nothing(
    bus: Bus, database: Database
) -> None:
    async with bus.connect("storage") as storage, bus.connect("deployer") as deployer:
        letter = await _bury_one(deployer, storage, database)
    stubborn = Stubborn(errors.UnavailableError("test.away"))
    letters = dead_letters.DeadLetters("deployer", database, stubborn.routes())

    with pytest.raises(errors.UnavailableError):
        await letters.replay(letter)

    assert (await letters.get(letter)).replays == 0


async def test_a_discarded_dead_letter_is_gone(bus: Bus, database: Database) -> None:
    async with (
        bus.connect("storage") as storage,
        bus.connect("deployer") as deployer,
        bus.connect("panel") as panel,
    ):
        letter = await _bury_one(deployer, storage, database)
        stubborn = Stubborn(ValueError())
        async with messaging.running(*messaging.service(deployer, database, stubborn.routes())):
            event = DeadLetterDiscardRequested(
                deployment=dead_letters.NO_DEPLOYMENT, service="deployer", dead_letter=letter
            )
            await messaging.publish(panel, event)
            await eventually(lambda: _has_letters(database, 0), within=10)

    assert stubborn.calls == 0
    letters = dead_letters.DeadLetters("deployer", database, {})
    for attempt in (letters.get, letters.replay, letters.discard):
        with pytest.raises(errors.NotFoundError):
            await attempt(letter)


async def test_a_type_of_a_later_release_is_handled_after_the_upgrade(
    bus: Bus, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubborn = Stubborn(ValueError())
    stubborn.error = None
    with monkeypatch.context() as earlier:
        earlier.delitem(REGISTRY, StorageReady.event_type())
        async with (
            bus.connect("storage") as storage,
            bus.connect("deployer") as deployer,
            messaging.running(*messaging.service(deployer, database, {})),
        ):
            await messaging.publish(storage, messaging.storage_ready())
            await eventually(lambda: _has_letters(database, 1), within=10)
    [letter] = await letters_of(database)

    await dead_letters.DeadLetters("deployer", database, stubborn.routes()).replay(letter.id)

    assert letter.event == "StorageReady"
    assert await messaging.effects(database) == [letter.message]
