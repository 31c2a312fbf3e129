"""A database becomes chunks: everything in it as it was at one moment, while it is in use.

One transaction exports its snapshot; the schema, the rows and their hashes are all read under it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import accounts
import inventory
import manifest
import postgres
from chunks import Stream
from failures import StateError
from postgres import quoted

if TYPE_CHECKING:
    from chunks import Writer
    from inventory import Found, Report
    from postgres import Connection
    from request import DatabasePlace

RANGE_PAGES: Final = 512
"""Of a table, in one piece: a change in a row changes the chunks of its range and no others."""
INSTALLATIONS: Final = Path("/usr/lib/postgresql")
LEFT_OUT: Final = (
    *("--no-owner", "--no-privileges", "--no-tablespaces", "--no-security-labels"),
    *("--no-publications", "--no-subscriptions"),
    f"--lock-wait-timeout={postgres.LOCK_SECONDS}s",
)
ENTRY: Final = "\n--\n-- Name: "
# For psql, which is never used here; and a setting that older servers do not know.
HEADER_NOISE: Final = re.compile(r"^(\\restrict .*|SET transaction_timeout = .*)\n", re.MULTILINE)
FOOTER_NOISE: Final = re.compile(r"\\unrestrict \w+\n+\Z")
# Only the owner of an extension may do this, and that is often the administrator.
COMMENT_ON_EXTENSION: Final = re.compile(
    r"\n--\n-- Name: EXTENSION [^\n]*; Type: COMMENT;[^\n]*\n--\n\nCOMMENT ON EXTENSION [^\n]*;\n"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A database that is read."""

    place: DatabasePlace
    writer: Writer
    report: Report


async def export(source: Source) -> tuple[manifest.Database, list[str], list[str]]:
    """Return a database whose contents are in the bucket, what is left out, and notes."""
    place = source.place
    async with postgres.connected(place) as lead, postgres.connected(place) as second:
        mark = await inventory.find_mark(lead)
        if mark is not None:
            raise StateError(
                "source.unfinished",
                f"database {place.name} holds the unfinished import {mark}; finish it first",
            )
        async with lead.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await lead.fetchval("select pg_export_snapshot()")
            async with second.transaction(isolation="repeatable_read", readonly=True):
                await second.execute(f"set transaction snapshot '{snapshot}'")
                database = await _content(source, lead, second, snapshot)
                left_out = [it[0] for it in await lead.fetch(inventory.FOREIGN_ROWS)]
                # Which there are is part of the snapshot. Where they stand never is, so that is
                # read last: a number that rows of the snapshot have was given out before.
                database = replace(database, sequences=await inventory.sequences(lead))
    return database, _left_out(database, left_out), _notes(database)


async def _content(
    source: Source, lead: Connection, second: Connection, snapshot: str
) -> manifest.Database:
    database = await inventory.described(lead, source.place)
    inventory.require_utf8(database)
    dump = _dumper(database.server_major)
    found = await inventory.find_tables(lead, source.place)
    if found:
        # As pg_dump does, but until all is read: no table is altered between schema and rows.
        names = ", ".join(quoted(it.table.schema, it.table.name) for it in found)
        await lead.execute(f"lock table {names} in access share mode")
    schema = {
        section: await asyncio.to_thread(_schema, source, dump, snapshot, section)
        for section in ("pre-data", "post-data")
    }
    # Rows are sent while they are counted: one waits for the bucket, the other for the disk.
    sending = asyncio.create_task(_rows(source, lead, found))
    try:
        counted = [await inventory.counted(second, it.table) for it in found]
        chunks = await sending
    finally:
        sending.cancel()
    return replace(
        database,
        tables=tuple(replace(table, chunks=it) for table, it in zip(counted, chunks, strict=True)),
        large_objects=await _large_objects(source, lead),
        pre_data=schema["pre-data"],
        post_data=schema["post-data"],
    )


async def _rows(
    source: Source,
    connection: Connection,
    found: list[Found],
) -> list[tuple[manifest.Chunk, ...]]:
    total = sum(it.pages for it in found if not it.table.excluded)
    done = 0
    every = []
    for it in found:
        stream = Stream(source.writer)
        pages = 0 if it.table.excluded else max(it.pages, 1)
        starts = range(0, pages, RANGE_PAGES)
        for start in starts:
            query = _selection(it.table, start, is_last=start == starts[-1])
            await connection.copy_from_query(query, output=stream.feed, format="text")
            await stream.cut()
            done += min(RANGE_PAGES, max(it.pages - start, 0))
            source.report(f"database {source.place.name}", done, total, "pages")
        every.append(await stream.finish())
    return every


def _selection(table: manifest.Table, start: int, *, is_last: bool) -> str:
    """Return the query of one range of a table; the last one has no end, so nothing is missed."""
    columns = ", ".join(quoted(it) for it in table.columns)
    conditions = [f"ctid >= '({start},0)'::tid"] if start else []
    if not is_last:
        conditions.append(f"ctid < '({start + RANGE_PAGES},0)'::tid")
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return f"select {columns} from only {quoted(table.schema, table.name)}{where}"  # noqa: S608 - names are quoted


async def _large_objects(source: Source, connection: Connection) -> manifest.LargeObjects:
    stream = Stream(source.writer)
    count = inventory.LargeObjectCount()
    async for length, line in inventory.large_objects(connection):
        count.add(length, line)
        await stream.feed(line)
        source.report(f"large objects of {source.place.name}", count.bytes, None, "bytes")
    return count.result(await stream.finish())


def _dumper(major: int) -> str:
    """Return the program that knows this server; a later one would do as well."""
    own = INSTALLATIONS / str(major) / "bin" / "pg_dump"
    found = str(own) if own.exists() else shutil.which("pg_dump")
    if found is None:
        raise StateError(
            "program.missing",
            f"pg_dump is missing; the machine's image needs postgresql-client-{major}",
        )
    return found


def _schema(source: Source, dump: str, snapshot: str, section: str) -> tuple[manifest.Chunk, ...]:
    place = source.place
    where = (f"--host={place.socket}", f"--port={place.port}", f"--username={place.user}")
    what = ("--schema-only", f"--section={section}", f"--snapshot={snapshot}", *LEFT_OUT)
    skipped = f"--exclude-schema={inventory.MARK}"
    done = subprocess.run(  # noqa: S603 - our own argv, no shell
        accounts.command(
            accounts.get(place.user),
            (dump, *where, "--no-password", *what, skipped, f"--dbname={place.name}"),
        ),
        env=accounts.environment(PGPASSFILE="/dev/null", PGSSLMODE="disable"),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise StateError(
            "database.schema",
            f"pg_dump cannot read the schema of {place.name}: {said[-500:] or done.returncode}",
            # Ended by a signal, as when memory is short; or it waited for a lock.
            is_retryable=done.returncode < 0 or "lock timeout" in said,
        )
    script = cleaned(done.stdout.decode()).encode()
    if len(script) > manifest.LARGEST_SCRIPT:
        raise StateError(
            "export.too_large",
            f"the schema of {place.name} is longer than {manifest.LARGEST_SCRIPT} bytes of SQL, "
            "which nobody reads; drop what is not needed",
        )
    return source.writer.text([script])


def cleaned(script: str) -> str:
    """Return a script of pg_dump as statements that any server of this major or later takes."""
    header, entry, rest = FOOTER_NOISE.sub("", script).partition(ENTRY)
    rest = COMMENT_ON_EXTENSION.sub("\n", entry + rest)
    return HEADER_NOISE.sub("", header) + rest


def _left_out(database: manifest.Database, others: list[str]) -> list[str]:
    excluded = [it.label for it in database.tables if it.excluded]
    return [
        f"database {database.name}: owners, privileges, roles, settings of roles",
        *(f"database {database.name}: rows of {it}" for it in (*excluded, *others)),
    ]


def _notes(database: manifest.Database) -> list[str]:
    return [
        *(
            f"database {database.name}: {it.label} is unlogged; a crash of its server empties it"
            for it in database.tables
            if it.unlogged
        ),
        *(
            f"database {database.name}: {it.label} has no primary key"
            for it in database.tables
            if not it.primary_key and not it.excluded
        ),
    ]
