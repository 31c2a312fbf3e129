"""Messages of webhooks and their deliveries in PostgreSQL, each in one courier's hands at a time.

When a delivery is due is told by the clock that is passed in; for how long somebody holds it, by
the database's own.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from shared.contracts.happenings import HappeningType

from ..domain.webhooks import Answer, Delivery, DeliveryState, Message, Parcel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pydantic import JsonValue

    from shared.database import Row, Transaction

    from ..domain.records import Page
    from ..domain.webhooks import Busy

_COLUMNS: Final = """webhook_deliveries.id, endpoint, message, type, state, attempt,
    webhook_deliveries.created_at, next_at, last_at, answer"""
_DELIVERY: Final = f"""
select {_COLUMNS} from webhook_deliveries join webhook_messages on webhook_messages.id = message
"""  # noqa: S608 - a constant
_CLAIM: Final = f"""
update webhook_deliveries set attempt = attempt + 1,
    lease_until = now() + make_interval(secs => $2)
from webhook_messages, webhook_endpoints
where webhook_messages.id = message and webhook_endpoints.id = endpoint
    and webhook_deliveries.id = (
        select id from webhook_deliveries
        where state = 'waiting' and next_at <= $1 and endpoint <> all($3)
            and endpoint not in (select id from webhook_endpoints where operator = any($4))
            and (lease_until is null or lease_until < now())
        order by next_at limit 1 for update skip locked)
returning {_COLUMNS}, body, url, webhook_endpoints.operator as operator
"""  # noqa: S608 - a constant
_KEYS: Final = """
select sealed from webhook_keys
where endpoint = $1 and (expires_at is null or expires_at > $2) order by id desc
"""
_FORGET: Final = """
delete from webhook_deliveries where id in (
    select id from webhook_deliveries where created_at < $1 and state <> 'waiting' limit $2)
"""
_FORGET_MESSAGES: Final = """
delete from webhook_messages where id in (
    select id from webhook_messages where created_at < $1
        and not exists (select from webhook_deliveries where message = webhook_messages.id)
    limit $2)
"""


class PostgresDeliveryQueue:
    """Keep messages and their deliveries."""

    async def next_sequence(self, tx: Transaction, about: str) -> int:
        """Return the number of the next happening about an object."""
        found: int = await tx.fetchval(
            """insert into happening_sequences (object, sequence) values ($1, 1)
            on conflict (object) do update set sequence = happening_sequences.sequence + 1
            returning sequence""",
            about,
        )
        return found

    async def add_message(
        self, tx: Transaction, operator: str, message: Message, at: datetime
    ) -> None:
        """Keep a message."""
        await tx.execute(
            """insert into webhook_messages (id, operator, type, body, created_at)
            values ($1, $2, $3, $4, $5)""",
            message.id,
            operator,
            message.type.value,
            message.body,
            at,
        )

    async def add(self, tx: Transaction, delivery: Delivery, lease_seconds: float = 0.0) -> None:
        """Keep a delivery, in the hands of whoever adds it for so long."""
        await tx.execute(
            """insert into webhook_deliveries
                (id, endpoint, message, state, attempt, created_at, next_at, lease_until)
            values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))""",
            delivery.id,
            delivery.endpoint,
            delivery.message,
            delivery.state.value,
            delivery.attempt,
            delivery.created_at,
            delivery.next_at,
            lease_seconds,
        )

    async def claim(
        self, tx: Transaction, now: datetime, lease_seconds: float, busy: Busy
    ) -> Parcel | None:
        """Take the delivery that has been due longest, to nobody busy, or return None."""
        row = await tx.fetchrow(
            _CLAIM, now, lease_seconds, list(busy.endpoints), list(busy.operators)
        )
        if row is None:
            return None
        keys = await tx.fetch(_KEYS, row["endpoint"], now)
        return Parcel(
            delivery=_delivery(row),
            message=Message(id=row["message"], type=HappeningType(row["type"]), body=row["body"]),
            operator=row["operator"],
            url=row["url"],
            sealed_keys=tuple(it["sealed"] for it in keys),
        )

    async def count_waiting(self, tx: Transaction, endpoint: str) -> int:
        """Return how many deliveries of an endpoint are not over."""
        found: int = await tx.fetchval(
            "select count(id) from webhook_deliveries where endpoint = $1 and state = 'waiting'",
            endpoint,
        )
        return found

    async def conclude(self, tx: Transaction, delivery: Delivery) -> bool:
        """Write what came of an attempt; False when it is not this courier's any more."""
        tag = await tx.execute(
            """update webhook_deliveries set state = $3, next_at = $4, last_at = $5, answer = $6,
                lease_until = null
            where id = $1 and attempt = $2 and state = 'waiting'""",
            delivery.id,
            delivery.attempt,
            delivery.state.value,
            delivery.next_at,
            delivery.last_at,
            _json(delivery.answer),
        )
        return tag == "UPDATE 1"

    async def find(self, tx: Transaction, delivery: str) -> Delivery | None:
        """Return a delivery, or None."""
        row = await tx.fetchrow(f"{_DELIVERY} where webhook_deliveries.id = $1", delivery)
        return _delivery(row) if row else None

    async def list_newest(self, tx: Transaction, endpoint: str, page: Page) -> Sequence[Delivery]:
        """Return the deliveries of an endpoint, newest first."""
        rows = await tx.fetch(
            f"""{_DELIVERY} where endpoint = $1 and ($2::text is null or webhook_deliveries.id < $2)
            order by webhook_deliveries.id desc limit $3""",
            endpoint,
            page.before,
            page.limit,
        )
        return [_delivery(row) for row in rows]

    async def find_message(self, tx: Transaction, message: str) -> Message | None:
        """Return a message, or None."""
        row = await tx.fetchrow(
            "select id, type, body from webhook_messages where id = $1", message
        )
        if row is None:
            return None
        return Message(id=row["id"], type=HappeningType(row["type"]), body=row["body"])

    async def give_up(self, tx: Transaction, endpoint: str, answer: Answer) -> None:
        """End every delivery of an endpoint that waits."""
        await tx.execute(
            """update webhook_deliveries set state = 'failed', next_at = null, lease_until = null,
                answer = coalesce(answer, $2)
            where endpoint = $1 and state = 'waiting'""",
            endpoint,
            _json(answer),
        )

    async def forget(self, tx: Transaction, before: datetime, most: int) -> int:
        """Delete deliveries that ended before, and messages left without any; return how many."""
        ended = await tx.execute(_FORGET, before, most)
        await tx.execute(_FORGET_MESSAGES, before, most)
        return int(ended.rpartition(" ")[2])


def _json(answer: Answer | None) -> JsonValue:
    return asdict(answer) if answer else None


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        endpoint=row["endpoint"],
        message=row["message"],
        type=HappeningType(row["type"]),
        state=DeliveryState(row["state"]),
        attempt=row["attempt"],
        created_at=row["created_at"],
        next_at=row["next_at"],
        last_at=row["last_at"],
        answer=Answer(**row["answer"]) if row["answer"] else None,
    )
