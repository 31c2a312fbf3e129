"""What is asked for on standard input: the application's state, the staging bucket, the secrets."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from failures import RequestError
from fields import Fields

FOLDER: Final = "/var/lib/fediversity/state"
NAME: Final = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
ACCOUNT: Final = r"[a-z_][a-z0-9_-]{0,31}"
# The same in our own matching and in restic's: no escapes, no sets, no variables.
EXCLUDED: Final = r"(?!.*\*\*)[A-Za-z0-9._*?-]+(/[A-Za-z0-9._*?-]+)*"
# Lines of a password file, options of a program and patterns are not made of these.
PLACE: Final = r"(/[A-Za-z0-9_.@+-]*[A-Za-z0-9_@+-])+"
EXPORT: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
DIGEST: Final = r"[0-9a-f]{64}"
# What the application's state holds beyond databases and paths is carried by others.
OTHERS: Final = ("buckets", "secrets", "units", "hooks", "checks")


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """A database of the application, and how it is reached on this machine."""

    name: str
    socket: str
    port: int
    user: str
    collation: str
    extensions: tuple[str, ...]
    excluded_tables: tuple[str, ...]
    truncate_after_restore: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathPlace:
    """A folder of the application on this machine."""

    name: str
    path: Path
    owner: str
    excludes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What belongs to the application's state, with its places on this machine."""

    application: str
    version: str
    databases: tuple[DatabasePlace, ...]
    paths: tuple[PathPlace, ...]
    elsewhere: tuple[str, ...]
    """What the state holds besides, and is not carried by this program."""


@dataclass(frozen=True, slots=True)
class StagingAccess:
    """The staging bucket, and the key that opens it."""

    endpoint: str
    region: str
    bucket: str
    prefix: str
    access_key_id: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that is asked for."""

    state: State
    staging: StagingAccess
    files_password: str = field(repr=False)
    export: str
    manifest_sha256: str
    """What the export's manifest must be; empty: whatever lies there."""
    facts: dict[str, Any]
    folder: Path
    """Where this program keeps marks and unfinished files; not the application's."""


NOWHERE: Final = StagingAccess("", "", "", "", "", "")


def read(application: str, verb: str, text: str) -> Request:
    """Return the request that stands in a text.

    Raises:
        RequestError: the text is no request of this verb for this application.
    """
    mistakes: list[str] = []
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise RequestError([f"the document: is not JSON{line}"]) from None
    whole = Fields(document, "", mistakes)
    carries = verb in {"export", "import", "verify"}
    known = ("manifest", "staging", "files_password", "export", "manifest_sha256", "facts")
    whole.only(*known, "folder")
    state = _state(whole.part("manifest"), application)
    needs_password = carries and bool(state.paths)
    request = Request(
        state=state,
        staging=_staging(whole.part("staging")) if carries else NOWHERE,
        files_password=whole.text("files_password", default=None if needs_password else ""),
        export=whole.text("export", EXPORT, default="" if verb != "export" else None),
        manifest_sha256=whole.text("manifest_sha256", DIGEST, default=""),
        facts=whole.plain("facts"),
        folder=Path(whole.text("folder", PLACE, default=FOLDER)),
    )
    if mistakes:
        raise RequestError(mistakes)
    return request


def _state(fields: Fields, application: str) -> State:
    fields.only("application", "version", "databases", "paths", *OTHERS)
    name = fields.text("application", NAME)
    if name and name != application:
        fields.note("is another application than the one in the arguments", "application")
    state = State(
        application=name,
        version=fields.text("version", default=""),
        databases=tuple(_database(it) for it in fields.each("databases")),
        paths=tuple(_path(it) for it in fields.each("paths")),
        elsewhere=(
            *(f"bucket {it.text('purpose')}" for it in fields.each("buckets")),
            *(f"secret {it.text('name')}" for it in fields.each("secrets")),
        ),
    )
    for kind, names in (
        ("databases", [it.name for it in state.databases]),
        ("paths", [it.name for it in state.paths]),
    ):
        for twin in sorted({it for it in names if names.count(it) > 1}):
            fields.note(f"{twin} is there twice", kind)
    return state


def _database(fields: Fields) -> DatabasePlace:
    settings = ("collation", "extensions", "excluded_tables", "truncate_after_restore")
    fields.only("name", "engine", "socket", "port", "user", *settings)
    fields.text("engine", "postgresql")
    return DatabasePlace(
        name=fields.text("name", r"[A-Za-z_][A-Za-z0-9_-]{0,62}"),
        socket=fields.text("socket", PLACE),
        port=fields.number("port", default=5432),
        user=fields.text("user", ACCOUNT),
        collation=fields.text("collation", default=""),
        extensions=fields.texts("extensions"),
        excluded_tables=fields.texts("excluded_tables"),
        truncate_after_restore=fields.texts("truncate_after_restore"),
    )


def _path(fields: Fields) -> PathPlace:
    fields.only("name", "path", "owner", "excludes", "required")
    path = Path(fields.text("path", PLACE))
    return PathPlace(
        name=fields.text("name", r"[A-Za-z0-9._-]{1,64}", default=path.name),
        path=path,
        # Root reads and writes the files of nobody; anybody else only has their own.
        owner=fields.text("owner", ACCOUNT, default=None if os.geteuid() == 0 else ""),
        excludes=fields.texts("excludes", EXCLUDED),
    )


def _staging(fields: Fields) -> StagingAccess:
    fields.only("endpoint", "region", "bucket", "prefix", "access_key_id", "secret_key")
    return StagingAccess(
        endpoint=fields.text("endpoint", r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?"),
        region=fields.text("region", r"[a-z0-9-]+", default="us-east-1"),
        bucket=fields.text("bucket", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        prefix=fields.text("prefix", r"([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?", default=""),
        access_key_id=fields.text("access_key_id", r"[!-~]+"),
        secret_key=fields.text("secret_key", r"[!-~]+"),
    )
