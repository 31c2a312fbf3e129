"""Publish one event and wait until the stream has it on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from shared.contracts.envelope import Envelope

    from .connection import Connection

ACK_SECONDS: Final = 3.0
STREAM_FULL: Final = frozenset({10047, 10077})
"""The server's codes for: no room left on its disk, and maximum bytes of the stream exceeded."""


async def publish(connection: Connection, subject: str, envelope: Envelope, payload: bytes) -> None:
    """Publish under the envelope's id, so that a repetition is stored once.

    Raises:
        UnavailableError: the stream did not acknowledge it; try again with the same envelope.
    """
    answer = await connection.ask(subject, payload, envelope.headers(), seconds=ACK_SECONDS)
    if "error" not in answer:
        return
    reason = answer["error"]
    full = reason.get("err_code") in STREAM_FULL
    raise errors.UnavailableError(
        "bus.full" if full else "bus.refused",
        f"the stream did not take {subject}: {reason.get('description', reason)}",
    )
