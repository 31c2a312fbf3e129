"""The manifest of an export: what it holds, and how each part is recognised.

Whoever reads one does not trust it: every text in it becomes part of a statement, a path or the
name of an object. Fields that are not known are left alone; a later minor version may have them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from failures import StateError
from fields import Fields

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT: Final = "fediversity-state"
MAJOR: Final = 1
MINOR: Final = 0
OBJECT: Final = "manifest.json"
LARGEST_BYTES: Final = 16 * 2**20
"""As much as some hundreds of gigabytes of rows need."""
LARGEST_CHUNK: Final = 32 * 2**20
"""Of what an object holds, also when it is no longer compressed: it is in memory as a whole."""
LARGEST_SCRIPT: Final = 32 * 2**20
CHUNKS: Final = "chunks/"
DIGEST: Final = r"[0-9a-f]{64}"
HASH: Final = r"-?[0-9]{1,60}"
# PostgreSQL allows everything but NUL in a name.
IDENTIFIER: Final = r"[^\x00\ud800-\udfff]{1,63}"
SQL_NAME: Final = r"[A-Za-z0-9_.-]{1,63}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """An object that holds a piece of something, compressed with gzip."""

    object: str
    """Named by the SHA-256 of its content."""
    bytes: int
    raw_bytes: int
    """How long it is when it is no longer compressed."""

    @property
    def sha256(self) -> str:
        """What the object's content has to be."""
        return self.object.removeprefix(CHUNKS)


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and what its rows have to be."""

    schema: str
    name: str
    columns: tuple[str, ...]
    generated: tuple[str, ...]
    """Columns that are computed again; part of the hash, not of the rows."""
    rows: int
    hash: str
    excluded: bool = False
    unlogged: bool = False
    primary_key: bool = True
    chunks: tuple[Chunk, ...] = ()

    @property
    def label(self) -> str:
        """The table as people call it."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence, and where it stands."""

    schema: str
    name: str
    last_value: int
    is_called: bool


@dataclass(frozen=True, slots=True)
class View:
    """A materialized view, and whether it can be read."""

    schema: str
    name: str
    populated: bool


@dataclass(frozen=True, slots=True)
class LargeObjects:
    """All large objects of a database, as lines of id, offset and content."""

    count: int
    bytes: int
    sha256: str
    chunks: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Collation:
    """How a database sorts."""

    provider: str
    collate: str
    ctype: str
    locale: str
    version: str


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that a database needs."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Database:
    """A database at one moment."""

    name: str
    engine: str
    server_version: str
    server_major: int
    encoding: str
    collation: Collation
    extensions: tuple[Extension, ...]
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    materialized_views: tuple[View, ...]
    large_objects: LargeObjects
    pre_data: tuple[Chunk, ...] = ()
    post_data: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder at one moment."""

    name: str
    path: str
    owner: str
    excludes: tuple[str, ...]
    exists: bool
    files: int
    folders: int
    links: int
    bytes: int
    fingerprint: str
    snapshot: str = ""
    """Of restic; empty where there is nothing in the folder."""
    listing: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about one export."""

    export: str
    application: str
    version: str
    created: str
    facts: dict[str, Any]
    databases: tuple[Database, ...] = ()
    paths: tuple[Tree, ...] = ()
    not_included: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    format: str = FORMAT
    format_version: str = field(default=f"{MAJOR}.{MINOR}")

    def encoded(self) -> bytes:
        """Return the manifest as it is written."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"


def read(content: bytes) -> Manifest:
    """Return the manifest that a content is.

    Raises:
        StateError: it is of a later format, or none.
    """
    if len(content) > LARGEST_BYTES:
        raise _broken([f"is longer than {LARGEST_BYTES} bytes"])
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise _broken(["is not JSON, or very deep"]) from None
    mistakes: list[str] = []
    fields = Fields(document, "", mistakes)
    version = fields.text("format_version", r"[0-9]{1,4}\.[0-9]{1,4}")
    fields.text("format", FORMAT)
    if mistakes:
        raise _broken(mistakes)
    if int(version.partition(".")[0]) != MAJOR:
        raise StateError(
            "format.unknown",
            f"the export has format {version} and this program reads {MAJOR}.x; use the program "
            "of the release that made the export, or a later one",
        )
    read_manifest = Manifest(
        export=fields.text("export"),
        application=fields.text("application"),
        version=fields.text("version", default=""),
        created=fields.text("created"),
        facts=fields.plain("facts"),
        databases=tuple(_database(it) for it in fields.each("databases")),
        paths=tuple(_tree(it) for it in fields.each("paths")),
        not_included=fields.texts("not_included"),
        notes=fields.texts("notes"),
        format_version=version,
    )
    if mistakes:
        raise _broken(mistakes)
    return read_manifest


def _broken(mistakes: list[str]) -> StateError:
    return StateError(
        "manifest.damaged",
        f"{OBJECT} cannot be read ({'; '.join(mistakes[:5])}); export again",
    )


def _chunks(fields: Fields, name: str) -> tuple[Chunk, ...]:
    return tuple(
        Chunk(
            it.text("object", CHUNKS + DIGEST),
            it.number("bytes", most=LARGEST_CHUNK),
            it.number("raw_bytes", most=LARGEST_CHUNK),
        )
        for it in fields.each(name)
    )


def _script(fields: Fields, name: str) -> tuple[Chunk, ...]:
    found = _chunks(fields, name)
    if sum(it.raw_bytes for it in found) > LARGEST_SCRIPT:
        fields.note(f"is longer than {LARGEST_SCRIPT} bytes", name)
    return found


def _database(fields: Fields) -> Database:
    collation = fields.part("collation")
    objects = fields.part("large_objects")
    return Database(
        name=fields.text("name"),
        engine=fields.text("engine", "postgresql"),
        server_version=fields.text("server_version"),
        server_major=fields.number("server_major"),
        encoding=fields.text("encoding"),
        collation=Collation(
            provider=collation.text("provider"),
            collate=collation.text("collate"),
            ctype=collation.text("ctype"),
            locale=collation.text("locale", default=""),
            version=collation.text("version", default=""),
        ),
        extensions=tuple(
            Extension(it.text("name", SQL_NAME), it.text("version", SQL_NAME))
            for it in fields.each("extensions")
        ),
        tables=tuple(_table(it) for it in fields.each("tables")),
        sequences=tuple(
            Sequence(*_name(it), it.signed("last_value"), it.flag("is_called"))
            for it in fields.each("sequences")
        ),
        materialized_views=tuple(
            View(*_name(it), it.flag("populated")) for it in fields.each("materialized_views")
        ),
        large_objects=LargeObjects(
            objects.number("count"),
            objects.number("bytes"),
            objects.text("sha256", DIGEST),
            _chunks(objects, "chunks"),
        ),
        pre_data=_script(fields, "pre_data"),
        post_data=_script(fields, "post_data"),
    )


def _table(fields: Fields) -> Table:
    return Table(
        *_name(fields),
        columns=fields.texts("columns", IDENTIFIER),
        generated=fields.texts("generated", IDENTIFIER),
        rows=fields.number("rows"),
        hash=fields.text("hash", HASH),
        excluded=fields.flag("excluded"),
        unlogged=fields.flag("unlogged"),
        primary_key=fields.flag("primary_key"),
        chunks=_chunks(fields, "chunks"),
    )


def _name(fields: Fields) -> tuple[str, str]:
    return fields.text("schema", IDENTIFIER), fields.text("name", IDENTIFIER)


def _tree(fields: Fields) -> Tree:
    return Tree(
        name=fields.text("name"),
        path=fields.text("path"),
        owner=fields.text("owner", default=""),
        excludes=fields.texts("excludes"),
        exists=fields.flag("exists"),
        files=fields.number("files"),
        folders=fields.number("folders"),
        links=fields.number("links"),
        bytes=fields.number("bytes"),
        fingerprint=fields.text("fingerprint", f"({DIGEST})?"),
        snapshot=fields.text("snapshot", f"({DIGEST})?"),
        listing=_chunks(fields, "listing"),
    )


def chunks_of(whole: Manifest) -> Iterator[Chunk]:
    """Yield every chunk of an export."""
    for database in whole.databases:
        yield from chunks_of_database(database)
    for it in whole.paths:
        yield from it.listing


def chunks_of_database(database: Database) -> Iterator[Chunk]:
    """Yield every chunk of a database."""
    yield from (*database.pre_data, *database.post_data, *database.large_objects.chunks)
    for it in database.tables:
        yield from it.chunks


def totals(whole: Manifest) -> dict[str, Any]:
    """Return how much an export holds."""
    tables = [it for database in whole.databases for it in database.tables]
    chunks = {it.object: it for it in chunks_of(whole)}
    return {
        "export": whole.export,
        "rows": sum(it.rows for it in tables),
        "files": sum(it.files for it in whole.paths),
        "bytes": sum(it.raw_bytes for table in tables for it in table.chunks)
        + sum(it.large_objects.bytes for it in whole.databases)
        + sum(it.bytes for it in whole.paths),
        "chunk_bytes": sum(it.bytes for it in chunks.values()),
        "not_included": list(whole.not_included),
        "notes": list(whole.notes),
    }
