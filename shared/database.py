"""PostgreSQL: one pool per process, plain SQL, and a transaction that carries its context.

Every change of state happens in one `Transaction` together with the messages and jobs it causes.
A database that is away is an `UnavailableError`; every other error of the driver is a fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Self

import asyncpg

from . import errors

if TYPE_CHECKING:
    from types import TracebackType

    from pydantic import SecretStr

    from .settings import PostgresSettings

Row = Mapping[str, Any]
SCHEMA_LOCK: Final = 0x0FED1
CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 30.0
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    # How the driver may put it when a connection is lost in the middle of an exchange.
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
_LEDGER: Final = """
create table if not exists schema_changes (
    package text not null,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now(),
    primary key (package, name)
)
"""


class Transaction:
    """One open transaction; it ends when the block that opened it ends."""

    def __init__(self, connection: asyncpg.Connection, database: Database) -> None:
        self._connection = connection
        self.database = database
        self.cause: str | None = None
        """Id of the message that is being handled, if one is."""
        self._nudges: list[Callable[[], None]] = []

    async def execute(self, sql: str, *values: object) -> str:
        """Run a statement and return its command tag."""
        tag: str = await self._connection.execute(sql, *values)
        return tag

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """Return every row."""
        rows: list[Row] = await self._connection.fetch(sql, *values)
        return rows

    async def fetchrow(self, sql: str, *values: object) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = await self._connection.fetchrow(sql, *values)
        return row

    async def fetchval(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - a column's value
        """Return the first column of the first row, or None."""
        return await self._connection.fetchval(sql, *values)

    def attempt(self) -> Attempt:
        """Return a block whose statements alone are undone when it fails."""
        return Attempt(self)

    def after_commit(self, nudge: Callable[[], None]) -> None:
        """Call this once the transaction is committed; never when it is rolled back."""
        self._nudges.append(nudge)

    def committed(self) -> None:
        """Tell everybody who asked that the transaction is committed."""
        for nudge in self._nudges:
            nudge()


class Attempt:
    """A block in a transaction; when it fails it is undone, and its failure is kept, not raised.

    What only asks to try the whole transaction again is no failure of the block, and is raised.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.failure: Exception | None = None

    async def __aenter__(self) -> Self:
        """Begin."""
        await self._tx.execute("savepoint attempt")
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
        """Keep what was done, or undo it and keep why."""
        if error is None:
            await self._tx.execute("release savepoint attempt")
            return False
        if not isinstance(error, Exception) or isinstance(error, (errors.UnavailableError, *_AWAY)):
            return False
        await self._tx.execute("rollback to savepoint attempt")
        self.failure = error
        return True


class Database:
    """A service's own database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.outbox_nudge = asyncio.Event()
        """Set when a committed transaction left messages to publish."""
        self.jobs_nudge = asyncio.Event()
        """Set when a committed transaction left work to do."""

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises.

        Raises:
            UnavailableError: the database is away or asks to try again.
        """
        try:
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                async with connection.transaction():
                    transaction = Transaction(connection, self)
                    yield transaction
                transaction.committed()
        except (*_AWAY, asyncpg.InterfaceError) as error:
            if not _is_away(error):
                raise
            raise errors.UnavailableError(
                "database.unavailable", f"the database did not answer: {error!r}"
            ) from error

    async def check(self) -> None:
        """Raise UnavailableError unless the database answers."""
        async with self.transaction() as tx:
            await tx.fetchval("select 1")


def _is_away(error: BaseException) -> bool:
    """Tell a lost connection from a mistake in a query, which the driver calls by one name."""
    if isinstance(error, OSError) and error.filename is not None:
        # Of whoever worked with a file meanwhile: a connection has none.
        return False
    return isinstance(error, _AWAY) or "clos" in str(error)


async def _prepare(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )


@contextlib.asynccontextmanager
async def connect(
    settings: PostgresSettings, password: SecretStr, *, schemas: Sequence[str]
) -> AsyncIterator[Database]:
    """Connect, bring the schema of each package up to date, and yield the database.

    Waits for a database that is not there yet: services start in any order.

    Args:
        settings: where the database is.
        password: the role's password.
        schemas: packages with a `schema` folder, such as `services.storage`, in this order.
    """
    pool = await _patient_pool(settings, password)
    try:
        await apply_schemas(pool, schemas)
        yield Database(pool)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                await pool.close()


async def _patient_pool(settings: PostgresSettings, password: SecretStr) -> asyncpg.Pool:
    while True:
        try:
            return await asyncpg.create_pool(
                host=settings.host,
                port=settings.port,
                database=settings.database,
                user=settings.user,
                password=password.get_secret_value(),
                min_size=1,
                max_size=settings.connections,
                timeout=CONNECT_SECONDS,
                command_timeout=COMMAND_SECONDS,
                init=_prepare,
            )
        except _AWAY:
            await asyncio.sleep(settings.retry_seconds)


async def apply_schemas(pool: asyncpg.Pool, packages: Sequence[str]) -> None:
    """Apply each package's schema files once, in order of name, one process at a time.

    Raises:
        FaultError: a file that was applied has been changed since.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", SCHEMA_LOCK)
        await connection.execute(_LEDGER)
        for package in packages:
            for name, text in _changes(package):
                await _apply(connection, package, name, text)


def _changes(package: str) -> list[tuple[str, str]]:
    folder = resources.files(package) / "schema"
    files = sorted((it for it in folder.iterdir() if it.name.endswith(".sql")), key=_name)
    return [(it.name, it.read_text(encoding="utf-8")) for it in files]


def _name(entry: Any) -> str:  # noqa: ANN401 - a Traversable, which moves between Python versions
    return str(entry.name)


async def _apply(connection: asyncpg.Connection, package: str, name: str, text: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()
    applied = await connection.fetchval(
        "select sha256 from schema_changes where package = $1 and name = $2", package, name
    )
    if applied is None:
        await connection.execute(text)
        await connection.execute(
            "insert into schema_changes (package, name, sha256) values ($1, $2, $3)",
            package,
            name,
            digest,
        )
    elif applied != digest:
        raise errors.FaultError(
            "database.schema_changed",
            f"{package}/schema/{name} was changed after it had been applied; "
            "put it back and add a new file instead",
        )
