"""Chunks become a database, which is empty before and marked as unfinished until all is compared.

The schema runs as statements of the application's own role, never in a program that would take
commands from it: it was written by somebody else.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import chunks
import inventory
import manifest
import postgres
from failures import StateError
from postgres import quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from inventory import Report
    from postgres import Connection
    from request import DatabasePlace
    from staging import Staging

LINGERING: Final = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and usename = current_user and application_name = $1
    and pid <> pg_backend_pid()
"""
RIGHTS: Final = """
select rolsuper or rolcreaterole or rolreplication or rolbypassrls or exists (
        select from pg_roles p where pg_has_role(current_user, p.oid, 'member')
        -- They read and write files of the server, and start programs there.
        and p.rolname in ('pg_execute_server_program', 'pg_read_server_files',
            'pg_write_server_files')),
    pg_has_role(datdba, 'usage') from pg_roles, pg_database
where rolname = current_user and datname = current_database()
"""
STOP: Final = "select pg_terminate_backend($1)"
ALMIGHTY: Final = (
    "as a superuser, or as one who makes roles, replicates, or reaches the server's files and "
    "programs, no foreign SQL is run: take that from it"
)
SECONDS: Final = 1200.0
BYTES_PER_SECOND: Final = 2**18
"""Slower than any machine fills a database and makes its indexes."""
LARGE_OBJECT: Final = re.compile(rb"([0-9]{1,10})\t([0-9]{1,13})\t\\\\x((?:[0-9a-f]{2})*)\n")
LONGEST_LINE: Final = 2 * inventory.PIECE + 64
AVAILABLE: Final = "select name::text from pg_available_extensions"


@dataclass(frozen=True, slots=True)
class Target:
    """A database that is filled."""

    place: DatabasePlace
    wanted: manifest.Database
    staging: Staging
    report: Report


async def check(target: Target) -> None:
    """Refuse a server on which this database would not be the same.

    Raises:
        StateError: it cannot be imported here; nothing was changed.
    """
    place, wanted = target.place, target.wanted
    async with postgres.connected(place) as connection:
        here = await inventory.described(connection, place)
        available = {it[0] for it in await connection.fetch(AVAILABLE)}
        is_almighty, is_owner = await connection.fetchrow(RIGHTS)
    mistakes = [
        *_differences(target, here),
        *([f"its role {place.user} may do more than own it: {ALMIGHTY}"] * is_almighty),
        *([] if is_owner else [f"its role {place.user} does not own it: make it the owner"]),
    ]
    missing = sorted({it.name for it in wanted.extensions} - available)
    if missing:
        mistakes.append(f"its server lacks extensions: install {', '.join(missing)}")
    if mistakes:
        raise StateError(
            "database.unsuited",
            f"database {place.name} cannot take the export: {'; '.join(mistakes)}",
        )


def _differences(target: Target, here: manifest.Database) -> list[str]:
    """Return what is another way here than it was there, and has to be the same."""
    wanted, place = target.wanted, target.place
    mistakes = []
    if here.server_major < wanted.server_major:
        mistakes.append(
            f"its server is PostgreSQL {here.server_major} and the export came from "
            f"{wanted.server_major}: use {wanted.server_major} or later"
        )
    if here.encoding != wanted.encoding:
        mistakes.append(f"its encoding is {here.encoding}: create it with {wanted.encoding}")
    ours, theirs = (
        (it.provider, it.collate, it.ctype, it.locale) for it in (here.collation, wanted.collation)
    )
    if ours != theirs:
        mistakes.append(f"its collation is {ours}: create it with {theirs}")
    if place.collation and place.collation != here.collation.collate:
        mistakes.append(f"its collation is not {place.collation}, as its application wants")
    return mistakes


async def mark(target: Target, export: str) -> None:
    """Mark the database as unfinished, and remove what an unfinished import left in it."""
    async with postgres.connected(target.place) as connection:
        # A server goes on for a while with what a killed import asked it to do.
        await connection.execute("set lock_timeout = '60s'")
        await connection.fetch(LINGERING, postgres.NAME)
        async with connection.transaction():
            if await inventory.find_mark(connection) is not None:
                await connection.execute("drop owned by current_user cascade")
            literal = await connection.fetchval("select quote_literal($1::text)", export)
            await connection.execute(f"create schema {inventory.MARK}")
            await connection.execute(f"comment on schema {inventory.MARK} is {literal}")


async def unmark(place: DatabasePlace) -> None:
    """Say that the import is finished; with this, everything before is on the disk as well."""
    async with postgres.connected(place) as connection:
        await connection.execute("set synchronous_commit = on")
        await connection.execute(f"drop schema if exists {inventory.MARK}")


async def load(target: Target) -> None:
    """Fill a marked database and compare it with what was exported.

    Raises:
        StateError: it is not the same, or took far too long; the mark is still there.
    """
    size = sum(it.raw_bytes for it in manifest.chunks_of_database(target.wanted))
    watch = Watch(target, SECONDS + size / BYTES_PER_SECOND)
    watching = asyncio.create_task(watch.wait())
    try:
        await _load(target, watch)
    except StateError:
        if watch.is_over:
            raise _slow(target, watch.seconds) from None
        raise
    finally:
        watching.cancel()


@dataclass(slots=True)
class Watch:
    """Ends what takes far too long: whoever wrote the schema can undo the limits of the server."""

    target: Target
    seconds: float
    connection: Connection | None = None
    is_over: bool = False

    async def wait(self) -> None:
        """Wait until time is up, then end the connection at both its ends."""
        await asyncio.sleep(self.seconds)
        self.is_over = True
        if self.connection is None:
            return
        with suppress(StateError):
            async with postgres.connected(self.target.place) as other:
                await other.fetchval(STOP, self.connection.get_server_pid())
        self.connection.terminate()


async def _load(target: Target, watch: Watch) -> None:
    async with _working(target, watch) as connection:
        await _run(target, connection, target.wanted.pre_data)
    # Connections of their own: what the script has set for itself ends with it.
    async with _working(target, watch) as connection:
        await _rows(target, connection)
        await _large_objects(target, connection)
        await _sequences(target, connection)
    target.report(f"indexes and constraints of {target.place.name}", 0, None, "statements")
    async with _working(target, watch) as connection:
        await _run(target, connection, target.wanted.post_data)
    async with _working(target, watch) as connection:
        await _truncate(target, connection)
        await _refresh(target, connection)
        await connection.execute("analyze")
    await _compare(target)


@asynccontextmanager
async def _working(target: Target, watch: Watch) -> AsyncIterator[Connection]:
    """Yield a connection that is watched, to a database that is still marked."""
    async with postgres.connected(target.place) as connection:
        if watch.is_over:
            raise _slow(target, watch.seconds)
        watch.connection = connection
        if await inventory.find_mark(connection) is None:
            raise chunks.broken("a schema removes what is not its own")
        # The mark is removed with a commit that waits for the disk; until then nothing has to.
        await connection.execute("set synchronous_commit = off")
        yield connection
        watch.connection = None


def _slow(target: Target, seconds: float) -> StateError:
    return StateError(
        "database.slow",
        f"database {target.place.name} was not filled within {seconds:.0f} s, which is far more "
        "than it should take; look at what its schema does, and whether the machine is too small",
    )


async def compared(target: Target) -> list[str]:
    """Return what of the database is not as it has to be."""
    async with postgres.connected(target.place) as connection:
        found = await inventory.fingerprinted(connection, target.place, target.report)
    return inventory.differences(target.wanted, found, target.place.truncate_after_restore)


async def _compare(target: Target) -> None:
    different = await compared(target)
    if different:
        raise StateError(
            "import.different",
            f"database {target.place.name} is not what was exported: {', '.join(different[:10])}; "
            "nothing was started with it: run the import again",
        )


async def _run(target: Target, connection: Connection, script: Sequence[manifest.Chunk]) -> None:
    """Run a script as a whole or not at all."""
    content = await asyncio.to_thread(lambda: b"".join(chunks.contents(target.staging, script)))
    try:
        statements = content.decode()
    except UnicodeDecodeError:
        statements = "\0"
    if "\0" in statements:
        raise chunks.broken("a schema is not SQL")
    async with connection.transaction():
        await connection.execute(statements)


async def _rows(target: Target, connection: Connection) -> None:
    total = sum(it.rows for it in target.wanted.tables)
    done = 0
    for it in target.wanted.tables:
        if it.chunks:
            await connection.copy_to_table(
                it.name,
                schema_name=it.schema,
                # Without any, a list of columns cannot be written.
                columns=it.columns or None,
                source=_source(target, it, done, total),
                format="text",
            )
        done += it.rows


async def _source(
    target: Target, table: manifest.Table, done: int, total: int
) -> AsyncIterator[bytes]:
    """Yield the rows of a table, in pieces that do not have to be kept."""
    async for content in chunks.streamed(target.staging, table.chunks):
        yield content
        done += content.count(b"\n")
        target.report(f"database {target.place.name}", done, total, "rows")


async def _large_objects(target: Target, connection: Connection) -> None:
    wanted = target.wanted.large_objects
    done = 0
    lines = chunks.Lines(LONGEST_LINE)
    async for content in chunks.streamed(target.staging, wanted.chunks):
        async with connection.transaction():
            for line in lines.feed(content):
                done += await _large_object(connection, line)
        target.report(f"large objects of {target.place.name}", done, wanted.bytes, "bytes")
    lines.finish()


async def _large_object(connection: Connection, line: bytes) -> int:
    found = LARGE_OBJECT.fullmatch(line)
    if found is None:
        raise chunks.broken("a line is no part of a large object")
    name, offset = int(found[1]), int(found[2])
    content = bytes.fromhex(found[3].decode("ascii"))
    if not offset:
        await connection.execute("select lo_create($1)", name)
    await connection.execute("select lo_put($1, $2, $3)", name, offset, content)
    return len(content)


async def _sequences(target: Target, connection: Connection) -> None:
    for it in target.wanted.sequences:
        await connection.execute(
            "select setval($1::text::regclass, $2, $3)",
            quoted(it.schema, it.name),
            it.last_value,
            it.is_called,
        )


async def _truncate(target: Target, connection: Connection) -> None:
    named = {inventory.labelled(it) for it in target.place.truncate_after_restore}
    tables = [quoted(it.schema, it.name) for it in target.wanted.tables if it.label in named]
    if tables:
        await connection.execute(f"truncate {', '.join(tables)}")


async def _refresh(target: Target, connection: Connection) -> None:
    """Fill materialized views; one that reads another has to wait for it."""
    left = [it for it in target.wanted.materialized_views if it.populated]
    while left:
        waiting = [it for it in left if not await _refreshed(connection, it)]
        if len(waiting) == len(left):
            raise StateError(
                "database.views",
                f"materialized views of {target.place.name} wait for each other: "
                f"{', '.join(f'{it.schema}.{it.name}' for it in left)}",
            )
        left = waiting


async def _refreshed(connection: Connection, view: manifest.View) -> bool:
    import asyncpg  # noqa: PLC0415 - an application without a database needs none

    try:
        await connection.execute(f"refresh materialized view {quoted(view.schema, view.name)}")
    except asyncpg.ObjectNotInPrerequisiteStateError:
        return False
    return True
