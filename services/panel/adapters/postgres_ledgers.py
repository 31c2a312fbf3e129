"""Dead letters as they were announced, and answers kept under a key, in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from shared import errors

from ..domain.dead_letters import DeadLetter, LetterState
from ..domain.records import IdempotentAnswer
from ..domain.refusals import StillRunningError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.contracts.everyone import MessageDeadLettered
    from shared.database import Row, Transaction

    from ..domain.records import IdempotentRequest, Page

_LETTER: Final = """
select id, service, deployment, run, message, event, reason, state, announced_at, decided_at
from announced_dead_letters
"""
_ANNOUNCE: Final = """
insert into announced_dead_letters (id, service, deployment, run, message, event, reason, state)
values ($1, $2, $3, $4, $5, $6, $7, 'waiting')
on conflict (id) do update set reason = excluded.reason, state = 'waiting',
    announced_at = now(), decided_at = null
where announced_dead_letters.state <> 'discarded'
"""
_FORGET: Final = """
delete from idempotency_keys where token = $1 and created_at < now() - interval '24 hours'
"""
_CLAIM: Final = """
insert into idempotency_keys (token, route, key, body_digest) values ($1, $2, $3, $4)
on conflict (token, route, key) do nothing
"""

_FORGET_OLD: Final = """
delete from idempotency_keys where (token, route, key) in (
    select token, route, key from idempotency_keys where created_at < $1 limit $2
    for update skip locked)
"""
_TURN: Final = "select pg_try_advisory_xact_lock(hashtextextended($1, 2))"
ATTEMPTS: Final = 40
PAUSE_SECONDS: Final = 0.05


class PostgresDeadLetterRegister:
    """Know which messages could not be handled."""

    async def announce(self, tx: Transaction, event: MessageDeadLettered) -> None:
        """Keep what a service announced; announced again, it waits again."""
        await tx.execute(
            _ANNOUNCE,
            event.dead_letter,
            event.service,
            event.deployment,
            event.run,
            event.message,
            event.event,
            event.reason,
        )

    async def find(self, tx: Transaction, letter: str) -> DeadLetter | None:
        """Return a dead letter, or None."""
        row = await tx.fetchrow(f"{_LETTER} where id = $1", letter)
        return _letter(row) if row else None

    async def list_newest(
        self, tx: Transaction, page: Page, *, waiting: bool
    ) -> Sequence[DeadLetter]:
        """Return dead letters, those that wait for a decision or all."""
        rows = await tx.fetch(
            f"""{_LETTER} where ($1::text is null or id < $1) and (state = 'waiting' or not $2)
            order by id desc limit $3""",
            page.before,
            waiting,
            page.limit,
        )
        return [_letter(row) for row in rows]

    async def decide(self, tx: Transaction, letter: str, state: LetterState) -> None:
        """Record the decision about a dead letter."""
        await tx.execute(
            "update announced_dead_letters set state = $2, decided_at = now() where id = $1",
            letter,
            state.value,
        )

    async def find_waiting_of_run(self, tx: Transaction, run: str) -> str | None:
        """Return a dead letter that keeps a run from going on, or None."""
        found: str | None = await tx.fetchval(
            """select id from announced_dead_letters where run = $1 and state = 'waiting'
            order by id limit 1""",
            run,
        )
        return found


class PostgresIdempotencyLedger:
    """Remember what was answered under a key."""

    async def claim(self, tx: Transaction, request: IdempotentRequest) -> IdempotentAnswer | None:
        """Take a key, or return what was answered under it.

        Raises:
            InvalidError: the key was used with another body.
            StillRunningError: another request holds the key, and for too long to wait for it.
        """
        place = (request.credential, request.route, request.key)
        await _take_turn(tx, *place)
        await tx.execute(_FORGET, request.credential)
        if await tx.execute(_CLAIM, *place, request.body_digest) == "INSERT 0 1":
            return None
        row = await tx.fetchrow(
            """select body_digest, answer from idempotency_keys
            where token = $1 and route = $2 and key = $3""",
            *place,
        )
        if row is None or row["body_digest"] != request.body_digest:
            raise errors.InvalidError(
                "idempotency.other_body",
                "This Idempotency-Key was used with another request. Use a new key.",
            )
        answer = row["answer"]
        return IdempotentAnswer(
            status=answer["status"], location=answer["location"], body=answer["body"]
        )

    async def keep(
        self, tx: Transaction, request: IdempotentRequest, answer: IdempotentAnswer
    ) -> None:
        """Remember an answer under the key claimed in this transaction."""
        await tx.execute(
            """update idempotency_keys set answer = $4
            where token = $1 and route = $2 and key = $3""",
            request.credential,
            request.route,
            request.key,
            {"status": answer.status, "location": answer.location, "body": answer.body},
        )

    async def forget(self, tx: Transaction, before: datetime, most: int) -> int:
        """Delete what was answered before; return how many there were."""
        tag = await tx.execute(_FORGET_OLD, before, most)
        return int(tag.rpartition(" ")[2])


async def _take_turn(tx: Transaction, *place: str) -> None:
    """Wait until nobody else holds a key, for a while: a second click gets the first's answer."""
    for _ in range(ATTEMPTS):
        if await tx.fetchval(_TURN, json.dumps(place)):
            return
        await asyncio.sleep(PAUSE_SECONDS)
    raise StillRunningError(
        "idempotency.running",
        "The first request with this Idempotency-Key is still being answered. Send it again in "
        "a moment, to get the same answer.",
    )


def _letter(row: Row) -> DeadLetter:
    return DeadLetter(
        id=row["id"],
        service=row["service"],
        deployment=row["deployment"],
        run=row["run"],
        message=row["message"],
        event=row["event"],
        reason=row["reason"],
        state=LetterState(row["state"]),
        announced_at=row["announced_at"],
        decided_at=row["decided_at"],
    )
