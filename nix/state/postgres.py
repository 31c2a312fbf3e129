"""A connection to a database of the application, over its socket and as its user.

What rows look like as text depends on settings, therefore they are set here, the same on every
machine: the text is what is carried and what is compared.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import accounts
from failures import StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import TypeAlias

    from request import DatabasePlace

    # asyncpg has no types.
    Connection: TypeAlias = Any

NAME: Final = "fediversity-state"
SECONDS: Final = 15.0
LOCK_SECONDS: Final = 300
"""Somebody who alters a table is waited for, but not for ever."""
SETTINGS: Final = {
    "application_name": NAME,
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    # Only then are names in texts written with their schema.
    "search_path": "pg_catalog",
    # Rows come in the order in which they lie, so that an unchanged table gives the same chunks.
    "synchronize_seqscans": "off",
    # Rather an error than rows that nobody missed.
    "row_security": "off",
    "jit": "off",
    "client_min_messages": "warning",
    "statement_timeout": "0",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": "0",
}
# Connection failures, the server's start and end, too many connections, and locks.
FOR_A_MOMENT: Final = ("08", "57P", "53300", "55P03")
DISK_FULL: Final = "53100"
FULL: Final = ("space.missing", "make room on the disk of its server")
AWAY: Final = frozenset({"database.failed", "database.lost", "database.unreachable"})
"""What is said of a database that is not there, or not now."""


def quoted(*names: str) -> str:
    """Return a name, with its schema, as it may stand in a statement."""
    return ".".join('"' + it.replace('"', '""') + '"' for it in names)


@contextmanager
def explained(place: DatabasePlace) -> Iterator[None]:
    """Turn what the database says into what whoever asked can use."""
    import asyncpg  # noqa: PLC0415 - an application without a database needs none

    try:
        yield
    except asyncpg.PostgresError as error:
        state = getattr(error, "sqlstate", None) or ""
        code, advice = FULL if state == DISK_FULL else ("database.failed", "look at its log")
        # Details may hold rows of somebody; the first line does not.
        raise StateError(
            code,
            f"database {place.name} says: {error.args[0]} ({state}); {advice}, then run the same "
            "again",
            is_retryable=state.startswith(FOR_A_MOMENT),
        ) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise StateError(
            "database.lost",
            f"the connection to database {place.name} ended: {error}; is it running? then run "
            "the same again",
            is_retryable=True,
        ) from error
    except (OSError, TimeoutError) as error:
        raise StateError(
            "database.unreachable",
            f"database {place.name} does not answer at {place.socket}: {error}; start it, then "
            "run the same again",
            is_retryable=True,
        ) from error


@asynccontextmanager
async def connected(place: DatabasePlace) -> AsyncIterator[Connection]:
    """Yield a connection for the length of a block; errors inside are explained."""
    import asyncpg  # noqa: PLC0415 - an application without a database needs none

    with explained(place):
        with accounts.acting_as(accounts.get(place.user)):
            connection = await asyncpg.connect(
                host=place.socket,
                port=place.port,
                user=place.user,
                database=place.name,
                # Without these, both would be looked for in the home of an account we are not.
                password="",
                ssl=False,
                timeout=SECONDS,
                server_settings=SETTINGS,
            )
        try:
            yield connection
        finally:
            # A gentle end would wait for an answer to what is under way.
            connection.terminate()
