"""Fingerprint and status: what an application's state is now, without touching any of it."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import inventory
import postgres
import saving
from folders import WorkFolder

if TYPE_CHECKING:
    from progress import Progress
    from request import DatabasePlace, PathPlace, Request


def fingerprint(request: Request, progress: Progress) -> dict[str, Any]:
    """Return what the state is recognised by, in the manifest's shape."""
    began = time.monotonic()
    state = request.state
    databases = [asyncio.run(_compared(it, progress)) for it in state.databases]
    paths = [saving.described(it, saving.look(it, progress.report)) for it in state.paths]
    return {
        "application": state.application,
        "version": state.version,
        "databases": databases,
        "paths": [asdict(it) for it in paths],
        "seconds": round(time.monotonic() - began, 3),
    }


async def _compared(place: DatabasePlace, progress: Progress) -> dict[str, Any]:
    async with postgres.connected(place) as connection:
        return asdict(await inventory.fingerprinted(connection, place, progress.report))


def status(request: Request, progress: Progress) -> dict[str, Any]:
    """Return whether there is any state, and how much."""
    folder = WorkFolder(request.folder, request.state.application)
    mark = folder.find_mark()
    databases = [asyncio.run(_sized(it)) for it in request.state.databases]
    paths = [_counted(it, progress) for it in request.state.paths]
    marks = [*([mark[0]] if mark else []), *(it["importing"] for it in databases)]
    importing = next((it for it in marks if it is not None), None)
    is_there = any(it["tables"] for it in databases) or any(it["entries"] for it in paths)
    return {
        "state": "importing" if importing else "complete" if is_there else "empty",
        "export": importing,
        "databases": databases,
        "paths": paths,
        "free_bytes": shutil.disk_usage(folder.existing).free,
    }


async def _sized(place: DatabasePlace) -> dict[str, Any]:
    async with postgres.connected(place) as connection:
        return {
            "name": place.name,
            "importing": await inventory.find_mark(connection),
            "bytes": await connection.fetchval("select pg_database_size(current_database())"),
            "tables": len(await inventory.find_tables(connection, place)),
        }


def _counted(place: PathPlace, progress: Progress) -> dict[str, Any]:
    found = saving.look(place, progress.report, is_hashed=False)
    tree = saving.described(place, found)
    return {
        "name": place.name,
        "path": str(place.path),
        "bytes": tree.bytes,
        "files": tree.files,
        "entries": found.entries if found else 0,
    }
