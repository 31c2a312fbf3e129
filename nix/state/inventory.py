"""What is in a database, and how its contents are recognised anywhere else.

A table is its number of rows and a sum over a hash of each: the order of rows plays no part, and
the server does the work. It proves a copy, and nothing against somebody who wants to deceive.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import manifest
from failures import StateError
from postgres import quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from postgres import Connection
    from request import DatabasePlace

    Report = Callable[[str, int, int | None, str], None]

MARK: Final = "fediversity_state"
"""The schema that says that an import is unfinished; its comment says which."""
PIECE: Final = 2**20
OWN: Final = f"""n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '{MARK}')"""
NOT_OF_EXTENSION: Final = """not exists (
    select from pg_depend d where d.classid = {catalogue}::regclass and d.objid = {object}
    and d.deptype = 'e')"""
RELATION: Final = NOT_OF_EXTENSION.format(catalogue="'pg_class'", object="c.oid")
ABOUT: Final = """
select current_setting('server_version') as server_version,
    current_setting('server_version_num')::int / 10000 as server_major,
    pg_encoding_to_char(encoding) as encoding, to_jsonb(d)->>'datlocprovider' as provider,
    datcollate::text as collate, datctype::text as ctype,
    -- Named differently by different majors.
    coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale', '') as locale,
    coalesce(to_jsonb(d)->>'datcollversion', '') as version
from pg_database d where datname = current_database()
"""
EXTENSIONS: Final = """
select extname::text as name, extversion as version from pg_extension
where extname <> 'plpgsql' order by 1
"""
TABLES: Final = f"""
select n.nspname::text as schema, c.relname::text as name, c.relpersistence = 'u' as unlogged,
    pg_relation_size(c.oid) / current_setting('block_size')::int as pages,
    array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
        and not a.attisdropped and a.attgenerated = '' order by a.attnum) as columns,
    array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
        and not a.attisdropped and a.attgenerated <> '' order by a.attnum) as generated,
    exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) as primary_key,
    array(select pn.nspname || '.' || pc.relname from pg_partition_ancestors(c.oid) a
        join pg_class pc on pc.oid = a.relid join pg_namespace pn on pn.oid = pc.relnamespace
        ) || (n.nspname || '.' || c.relname) as labels
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and {OWN} and {RELATION} order by 1, 2
"""  # noqa: S608 - made of constants
RELATIONS: Final = f"""
select n.nspname::text as schema, c.relname::text as name, c.relispopulated as populated
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = $1::text::"char" and {OWN} and {RELATION} order by c.oid
"""  # noqa: S608 - made of constants
FOREIGN_ROWS: Final = f"""
select 'foreign table ' || n.nspname || '.' || c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'f' and {OWN} and {RELATION}
union all
select 'table ' || c.oid::regclass || ' of an extension'
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and {OWN} and not {RELATION}
order by 1
"""  # noqa: S608 - made of constants
OCCUPIED: Final = f"""
select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {OWN} and {RELATION})
    or exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {OWN} and {NOT_OF_EXTENSION.format(catalogue="'pg_proc'", object="p.oid")})
    or exists (select from pg_type t join pg_namespace n on n.oid = t.typnamespace
        where {OWN} and {NOT_OF_EXTENSION.format(catalogue="'pg_type'", object="t.oid")})
    or exists (select from pg_largeobject_metadata)
    or exists (select from pg_namespace n where {OWN} and n.nspname <> 'public'
        and {NOT_OF_EXTENSION.format(catalogue="'pg_namespace'", object="n.oid")})
"""  # noqa: S608 - made of constants
MARKED: Final = """
select coalesce(obj_description(oid, 'pg_namespace'), '?') from pg_namespace
where nspname = $1
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A table of the database, not yet counted."""

    table: manifest.Table
    pages: int


async def find_mark(connection: Connection) -> str | None:
    """Return which import is unfinished here, if one is."""
    mark: str | None = await connection.fetchval(MARKED, MARK)
    return mark


async def is_occupied(connection: Connection) -> bool:
    """Say whether somebody has put anything here."""
    return bool(await connection.fetchval(OCCUPIED))


async def described(connection: Connection, place: DatabasePlace) -> manifest.Database:
    """Return a database without its contents."""
    about = await connection.fetchrow(ABOUT)
    return manifest.Database(
        name=place.name,
        engine="postgresql",
        server_version=about["server_version"],
        server_major=about["server_major"],
        encoding=about["encoding"],
        collation=manifest.Collation(
            *(about[it] for it in ("provider", "collate", "ctype", "locale", "version"))
        ),
        extensions=tuple(
            manifest.Extension(it["name"], it["version"])
            for it in await connection.fetch(EXTENSIONS)
        ),
        tables=(),
        sequences=(),
        materialized_views=tuple(
            manifest.View(it["schema"], it["name"], it["populated"])
            for it in await connection.fetch(RELATIONS, "m")
        ),
        large_objects=manifest.LargeObjects(0, 0, hashlib.sha256().hexdigest()),
    )


async def find_tables(connection: Connection, place: DatabasePlace) -> list[Found]:
    """Return the tables; partitions are tables, what they are partitions of is not."""
    excluded = {labelled(it) for it in place.excluded_tables}
    return [
        Found(
            manifest.Table(
                schema=it["schema"],
                name=it["name"],
                columns=tuple(it["columns"]),
                generated=tuple(it["generated"]),
                rows=0,
                hash="0",
                excluded=not excluded.isdisjoint(it["labels"]),
                unlogged=it["unlogged"],
                primary_key=it["primary_key"],
            ),
            it["pages"],
        )
        for it in await connection.fetch(TABLES)
    ]


def labelled(name: str) -> str:
    """Return a table's name with its schema, which is `public` where none is named."""
    return name if "." in name else f"public.{name}"


async def counted(connection: Connection, table: manifest.Table) -> manifest.Table:
    """Return a table with its number of rows and their hash."""
    if table.excluded:
        return table
    columns = ", ".join(quoted(it) for it in (*table.columns, *table.generated))
    # An explicit row: the order of columns is the exporter's, and no column can stand for it.
    query = (
        f"select count(*), coalesce(sum(hashtextextended(row({columns})::text, 0)::numeric), 0)"  # noqa: S608 - names are quoted
        f"::text from only {quoted(table.schema, table.name)}"
    )
    rows, total = await connection.fetchrow(query)
    return replace(table, rows=rows, hash=total)


async def sequences(connection: Connection) -> tuple[manifest.Sequence, ...]:
    """Return where every sequence stands."""
    found = []
    for it in await connection.fetch(RELATIONS, "S"):
        query = f"select last_value, is_called from {quoted(it['schema'], it['name'])}"  # noqa: S608 - quoted
        value, is_called = await connection.fetchrow(query)
        found.append(manifest.Sequence(it["schema"], it["name"], value, is_called))
    return tuple(sorted(found, key=lambda it: (it.schema, it.name)))


async def large_objects(connection: Connection) -> AsyncIterator[tuple[int, bytes]]:
    """Yield every large object in lines of id, offset and content, each with its length."""
    for it in await connection.fetch("select oid from pg_largeobject_metadata order by oid"):
        offset = 0
        while True:
            content = await connection.fetchval(
                "select lo_get($1, $2, $3)", it["oid"], offset, PIECE
            )
            if content or not offset:
                line = f"{it['oid']}\t{offset}\t\\\\x{content.hex()}\n"
                yield len(content), line.encode()
            if len(content) < PIECE:
                break
            offset += PIECE


class LargeObjectCount:
    """Counts lines of large objects as they pass."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.count = 0
        self.bytes = 0

    def add(self, length: int, line: bytes) -> None:
        """Take one line."""
        self._digest.update(line)
        self.count += line.split(b"\t", 2)[1] == b"0"
        self.bytes += length

    def result(self, chunks: tuple[manifest.Chunk, ...] = ()) -> manifest.LargeObjects:
        """Return what passed."""
        return manifest.LargeObjects(self.count, self.bytes, self._digest.hexdigest(), chunks)


async def fingerprinted(
    connection: Connection,
    place: DatabasePlace,
    report: Report,
) -> manifest.Database:
    """Return a database with all that recognises its contents, as it is now."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = await find_tables(connection, place)
        tables = []
        for number, it in enumerate(found, 1):
            tables.append(await counted(connection, it.table))
            report(f"database {place.name} compared", number, len(found), "tables")
        count = LargeObjectCount()
        async for length, line in large_objects(connection):
            count.add(length, line)
        return replace(
            await described(connection, place),
            tables=tuple(tables),
            sequences=await sequences(connection),
            large_objects=count.result(),
        )


def differences(
    expected: manifest.Database, found: manifest.Database, emptied: Iterable[str] = ()
) -> list[str]:
    """Return what of a database is not as it has to be; truncated tables have to be empty."""
    empty = {labelled(it) for it in emptied}
    wanted = {
        it.label: (0, "0") if it.label in empty else (it.rows, it.hash) for it in expected.tables
    }
    return [
        *_compared("table", wanted, {it.label: (it.rows, it.hash) for it in found.tables}),
        *_compared("sequence", _by_name(expected.sequences), _by_name(found.sequences)),
        *_compared(
            "materialized view",
            _by_name(expected.materialized_views),
            _by_name(found.materialized_views),
        ),
        *(
            ["large objects"]
            if replace(expected.large_objects, chunks=()) != found.large_objects
            else []
        ),
    ]


def _by_name(
    found: Sequence[manifest.Sequence] | Sequence[manifest.View],
) -> dict[str, object]:
    return {f"{it.schema}.{it.name}": it for it in found}


def _compared(kind: str, expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return [
        f"{kind} {it}"
        for it in sorted(expected.keys() | found.keys())
        if expected.get(it) != found.get(it)
    ]


def require_utf8(database: manifest.Database) -> None:
    """Refuse a database in another encoding: its text could not be carried exactly.

    Raises:
        StateError: it is.
    """
    if database.encoding != "UTF8":
        raise StateError(
            "database.encoding",
            f"database {database.name} is encoded in {database.encoding}, and only UTF8 can be "
            "carried; create it anew with encoding UTF8",
        )
