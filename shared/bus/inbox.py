"""The inbox: which messages a consumer has dealt with.

Its row is written in the transaction of the effect. Acks are no substitute: a server that is
killed forgets acks it has confirmed, and delivers again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.database import Transaction

KEEP_DAYS: Final = 31
"""Longer than a message lives in the stream."""


async def is_new(tx: Transaction, consumer: str, message: str) -> bool:
    """Mark a message as dealt with; False when it was before. Waits for a rival to commit."""
    tag = await tx.execute(
        "insert into inbox (consumer, message) values ($1, $2) on conflict do nothing",
        consumer,
        message,
    )
    return tag == "INSERT 0 1"


async def prune(tx: Transaction) -> None:
    """Forget messages that the stream cannot deliver any more."""
    await tx.execute("delete from inbox where at < now() - make_interval(days => $1)", KEEP_DAYS)
