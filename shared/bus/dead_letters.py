"""Dead letters: messages that a service could not handle, as rows in its own database.

Each is written together with its inbox row and announced by `MessageDeadLettered`. A replay runs
the stored bytes through the handler once more; the message is not published again, which only its
owner could do.

A job that cannot write its end is announced, replayed and discarded in the same way: it is what
the message led to that could not be handled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import errors, ids, telemetry
from shared.contracts import envelope as envelopes
from shared.contracts.everyone import MessageDeadLettered
from shared.contracts.panel import DeadLetterDiscardRequested, DeadLetterReplayRequested
from shared.jobs import store as jobs

from . import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.contracts.messages import Event
    from shared.database import Database, Row, Transaction

    from .consumer import Routes
    from .pull import Received

NO_DEPLOYMENT: Final = "0" * ids.LENGTH
"""Stands in a subject for the deployment of a message whose own subject names none."""
LONGEST_TEXT: Final = 2000
_COLUMNS: Final = """id, stream, sequence, subject, headers, payload, message, event, deployment,
    run, reason, replays, created_at"""
_INSERT: Final = """
insert into dead_letters (id, stream, sequence, subject, headers, payload, message, event,
    deployment, run, reason)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be handled, as it arrived, and why."""

    id: str
    stream: str
    sequence: int
    subject: str
    headers: Mapping[str, str]
    payload: bytes
    message: str
    """Id of the message, or its place in the stream when it has none."""
    event: str
    """Name of the event, or empty when it could not be read."""
    deployment: str
    run: str | None
    reason: str
    replays: int
    created_at: datetime

    def announcement(self, service: str) -> MessageDeadLettered:
        """Return the event that says so."""
        return MessageDeadLettered(
            deployment=self.deployment,
            service=service,
            dead_letter=self.id,
            message=self.message,
            event=self.event,
            reason=self.reason,
            run=self.run,
        )


class DeadLetters:
    """The dead letters of one service, and what can be done about them."""

    def __init__(self, service: str, database: Database, routes: Routes) -> None:
        self._service = service
        self._database = database
        self._handlers = routes

    async def list_letters(self) -> tuple[DeadLetter, ...]:
        """Return all of them, oldest first."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(f"select {_COLUMNS} from dead_letters order by id")  # noqa: S608 - a constant
        return tuple(_letter(row) for row in rows)

    async def get(self, letter: str) -> DeadLetter:
        """Return one of them.

        Raises:
            NotFoundError: there is none of this id.
        """
        async with self._database.transaction() as tx:
            return await _get(tx, letter)

    async def replay(self, letter: str) -> None:
        """Handle a message now and forget that it was dead.

        Raises:
            NotFoundError: there is none of this id.
            ConflictError: it could not be handled this time either, and stays.
        """
        async with self._database.transaction() as tx:
            failure = await self._replay(tx, await _get(tx, letter))
        if failure:
            raise errors.ConflictError(
                "dead_letter.failed_again", f"it could not be handled: {reason_of(failure)}"
            ) from failure

    async def discard(self, letter: str) -> None:
        """Give up on a message.

        Raises:
            NotFoundError: there is none of this id.
        """
        async with self._database.transaction() as tx:
            await _delete(tx, (await _get(tx, letter)).id)

    def routes(self) -> Routes:
        """Return what a service adds to its routes, so that it is told by event."""
        return {
            DeadLetterReplayRequested: self.on_replay_requested,
            DeadLetterDiscardRequested: self.on_discard_requested,
        }

    async def decide(
        self, event: DeadLetterReplayRequested | DeadLetterDiscardRequested, tx: Transaction
    ) -> None:
        """Carry out a decision in the transaction of whoever took it."""
        match event:
            case DeadLetterReplayRequested():
                await self.on_replay_requested(event, tx)
            case DeadLetterDiscardRequested():
                await self.on_discard_requested(event, tx)

    async def on_replay_requested(self, event: DeadLetterReplayRequested, tx: Transaction) -> None:
        """Replay one of ours; one that is gone has been replayed or discarded before."""
        letter = await self._ours(tx, event)
        if letter:
            await self._replay(tx, letter)
        elif event.service == self._service:
            await jobs.resume(tx, event.dead_letter)

    async def on_discard_requested(
        self, event: DeadLetterDiscardRequested, tx: Transaction
    ) -> Sequence[Event]:
        """Discard one of ours; a service that has begun something for the run hears of all."""
        letter = await self._ours(tx, event)
        if letter:
            await _delete(tx, letter.id)
        elif event.service == self._service:
            await jobs.give_up(tx, event.dead_letter)
        follow = self._handlers.get(DeadLetterDiscardRequested)
        return (await follow(event, tx) if follow else None) or ()

    async def park(self, lease: jobs.Lease, error: Exception) -> None:
        """Let a job whose end cannot be written wait for a decision, and announce it."""
        letter, row = ids.new_id(), lease.row
        with telemetry.continue_from(row["traceparent"]):
            async with self._database.transaction() as tx:
                if not await jobs.park(tx, lease, letter):
                    return
                tx.cause = row["cause"]
                event = MessageDeadLettered(
                    deployment=row["deployment"],
                    service=self._service,
                    dead_letter=letter,
                    message=row["cause"] or row["id"],
                    event=f"job {row['kind']}",
                    reason=f"its end could not be written: {reason_of(error)}",
                    run=row["run"],
                )
                await announce(tx, event, self._service, self._handlers)
        telemetry.log.error("job_stuck", job=lease.id, kind=row["kind"], dead_letter=letter)

    async def _ours(
        self, tx: Transaction, event: DeadLetterReplayRequested | DeadLetterDiscardRequested
    ) -> DeadLetter | None:
        if event.service != self._service:
            return None
        return await _find(tx, event.dead_letter)

    async def _replay(self, tx: Transaction, letter: DeadLetter) -> Exception | None:
        """Run the handler; when it fails, undo what it did, say so again and keep the row."""
        asked_by, tx.cause = tx.cause, letter.message
        with telemetry.continue_from(letter.headers.get(telemetry.TRACEPARENT)):
            async with tx.attempt() as attempt:
                await self._handle(tx, letter)
            if attempt.failure is None:
                await _delete(tx, letter.id)
            else:
                telemetry.log.warning("replay_failed", exc_info=attempt.failure)
                await self._keep(tx, letter, reason_of(attempt.failure))
        tx.cause = asked_by
        return attempt.failure

    async def _handle(self, tx: Transaction, letter: DeadLetter) -> None:
        envelope = envelopes.read(letter.subject, letter.headers)
        event = envelopes.decode(envelope, letter.payload)
        handler = self._handlers.get(type(event))
        for caused in (await handler(event, tx) if handler else None) or ():
            await outbox.add(tx, caused, service=self._service)

    async def _keep(self, tx: Transaction, letter: DeadLetter, reason: str) -> None:
        await tx.execute(
            """update dead_letters set replays = replays + 1, reason = $2, updated_at = now()
            where id = $1""",
            letter.id,
            reason,
        )
        again = await _get(tx, letter.id)
        await announce(tx, again.announcement(self._service), self._service, self._handlers)


async def bury(
    tx: Transaction, received: Received, service: str, reason: str
) -> MessageDeadLettered:
    """Write a message down as dead; return what to announce."""
    letter = ids.new_id()
    envelope = _envelope(received)
    tokens = received.subject.split(".")
    deployment = next((it for it in tokens[2:3] if ids.is_id(it)), NO_DEPLOYMENT)
    values = (
        *(letter, received.stream, received.sequence, storable(received.subject)),
        *(dict(received.headers), received.payload, identity(received)),
        *(tokens[-1] if envelope else "", deployment),
        *(storable(envelope.run) if envelope and envelope.run else None, storable(reason)),
    )
    await tx.execute(_INSERT, *values)
    return (await _get(tx, letter)).announcement(service)


async def announce(
    tx: Transaction, event: MessageDeadLettered, service: str, routes: Routes
) -> None:
    """State that a message is dead; who follows dead letters hears of its own at once.

    Panel's durable does not select what panel states, so its own handler is called directly.
    """
    await outbox.add(tx, event, service=service)
    if own := routes.get(MessageDeadLettered):
        for caused in await own(event, tx) or ():
            await outbox.add(tx, caused, service=service)


def identity(received: Received) -> str:
    """Return the id of a message, or its place in the stream when it has none."""
    envelope = _envelope(received)
    return envelope.id if envelope else f"{received.stream}:{received.sequence}"


def reason_of(error: Exception) -> str:
    """Return what to tell people about an error; what nobody foresaw stays in the log."""
    if isinstance(error, errors.HostingError):
        return storable(telemetry.redacted_text(str(error)))
    return f"fault.unexpected: {type(error).__name__}; the service's log has the details"


def storable(text: str) -> str:
    """Return a text that PostgreSQL and JSON take, of bounded length."""
    return (
        text.encode(errors="replace")
        .decode()
        .replace("\0", "\N{REPLACEMENT CHARACTER}")[:LONGEST_TEXT]
    )


def _envelope(received: Received) -> envelopes.Envelope | None:
    try:
        envelope = envelopes.read(received.subject, received.headers)
    except errors.InvalidError:
        return None
    return envelope if ids.is_id(envelope.id) else None


async def _find(tx: Transaction, letter: str) -> DeadLetter | None:
    row = await tx.fetchrow(
        f"select {_COLUMNS} from dead_letters where id = $1 for update",  # noqa: S608 - a constant
        letter,
    )
    return _letter(row) if row else None


async def _get(tx: Transaction, letter: str) -> DeadLetter:
    found = await _find(tx, letter)
    if found is None:
        raise errors.NotFoundError(
            "dead_letter.not_found", "there is no such dead letter; it may have been replayed"
        )
    return found


async def _delete(tx: Transaction, letter: str) -> None:
    await tx.execute("delete from dead_letters where id = $1", letter)


def _letter(row: Row) -> DeadLetter:
    return DeadLetter(**row)
