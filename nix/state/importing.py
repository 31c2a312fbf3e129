"""Import: a staging bucket's export becomes the application's state, wholly or visibly not.

Nothing local is touched before everything was read and found to be what was exported. Then every
part is marked as unfinished, filled, compared, and the marks are removed. Whenever this is killed,
there is nothing, or a mark; the next try removes what is marked and begins anew. A part that is
already exactly what was exported is left as it is, so that an import may be repeated. To verify is
the first of these steps alone, whatever there is in the target.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import chunks
import inventory
import loading
import manifest
import placing
import postgres
import saving
from failures import StateError
from folders import WorkFolder
from restic import Restic
from staging import Staging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from progress import Progress
    from request import DatabasePlace, Request

ROOM: Final = 64 * 2**20
NOT_EMPTY: Final = (
    "{} is not empty, and not an unfinished import: state is only imported into an application "
    "that has none; deploy it anew, or remove what is there"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is left to do."""

    databases: tuple[loading.Target, ...]
    paths: tuple[placing.Arrival, ...]


def verify(request: Request, progress: Progress) -> dict[str, Any]:
    """Do all that an import does before it touches anything; return what it would import."""
    began = time.monotonic()
    folder = WorkFolder(request.folder, request.state.application)
    with folder.locked():
        staging = Staging(request.staging)
        whole, digest = _read(staging, request)
        plan = _everything(request, progress, staging, whole)
        notes = [it for target in plan.databases for it in _unsuited(target)]
        for arrival in plan.paths:
            placing.check_disk(arrival.place, folder.scratch)
        _check_room(plan, folder)
        _check_chunks(staging, plan, progress)
        _restore_apart(request, folder, plan, digest)
    found = _result(whole, digest, began)
    return {**found, "notes": [*found["notes"], *notes], "kept": False}


def _restore_apart(request: Request, folder: WorkFolder, plan: Plan, digest: str) -> None:
    """Restore every folder; leave them to an import that follows, where there is much room."""
    restic = Restic(request.staging, request.files_password, folder.scratch)
    is_kept = folder.may_keep(sum(it.wanted.bytes for it in plan.paths))
    restored = {}
    for arrival in plan.paths:
        target = folder.scratch / "tree"
        placing.restore(arrival, restic, target)
        if is_kept and arrival.wanted.exists:
            restored[arrival.key] = target.rename(folder.scratch / arrival.key)
        else:
            shutil.rmtree(target, ignore_errors=True)
    if restored:
        folder.keep(digest, restored)


def _unsuited(target: loading.Target) -> list[str]:
    """Refuse a server that does not suit; say when there is none yet that could be asked."""
    try:
        asyncio.run(loading.check(target))
    except StateError as error:
        if error.code not in postgres.AWAY:
            raise
        return [f"database {target.place.name} was not asked whether it suits: {error.message}"]
    return []


def run(request: Request, progress: Progress) -> dict[str, Any]:
    """Import; return what was imported."""
    began = time.monotonic()
    folder = WorkFolder(request.folder, request.state.application)
    with folder.locked():
        staging = Staging(request.staging)
        whole, digest = _read(staging, request)
        plan = _planned(_everything(request, progress, staging, whole), folder)
        kept = {it.key: folder.kept(digest, it.key) for it in plan.paths}
        _check_room(_lacking(plan, kept), folder)
        _check_chunks(staging, plan, progress)
        restic = Restic(request.staging, request.files_password, folder.scratch)
        restored = [folder.scratch / f"tree-{number}" for number in range(len(plan.paths))]
        for arrival, target in zip(plan.paths, restored, strict=True):
            placing.restore(arrival, restic, target, kept[arrival.key])
        _mark(plan, folder, whole.export)
        for database in plan.databases:
            asyncio.run(loading.load(database))
        for arrival, target in zip(plan.paths, restored, strict=True):
            placing.put(arrival.place, arrival.wanted, target)
        os.sync()
        _unmark(request.state.databases, folder)
    return {**_result(whole, digest, began), "kept": not plan.databases and not plan.paths}


def _lacking(plan: Plan, kept: Mapping[str, Path | None]) -> Plan:
    """Return a plan without the bytes and files of folders that were restored before."""
    nothing = {"files": 0, "folders": 0, "links": 0, "bytes": 0}
    paths = []
    for it in plan.paths:
        before = kept[it.key]
        is_there = before is not None and before.is_dir()
        paths.append(replace(it, wanted=replace(it.wanted, **nothing)) if is_there else it)
    return replace(plan, paths=tuple(paths))


def _result(whole: manifest.Manifest, digest: str, began: float) -> dict[str, Any]:
    return {
        "manifest": manifest.OBJECT,
        "sha256": digest,
        **manifest.totals(whole),
        "seconds": round(time.monotonic() - began, 3),
    }


def _read(staging: Staging, request: Request) -> tuple[manifest.Manifest, str]:
    content = staging.find(manifest.OBJECT, manifest.LARGEST_BYTES)
    if content is None:
        raise StateError(
            "export.missing",
            f"there is no export below {request.staging.prefix or 'the top'} of bucket "
            f"{request.staging.bucket}: it has no {manifest.OBJECT}; export first",
        )
    digest = hashlib.sha256(content).hexdigest()
    if request.manifest_sha256 not in {"", digest}:
        raise StateError(
            "manifest.other",
            f"{manifest.OBJECT} has SHA-256 {digest} and not the one that was asked for; it was "
            "exported again or changed: ask with what the export reported",
        )
    whole = manifest.read(content)
    _require_match(request, whole)
    return whole, digest


def _require_match(request: Request, whole: manifest.Manifest) -> None:
    """Refuse an export of something else."""
    state = request.state
    pairs = (
        ("export", request.export or whole.export, whole.export),
        ("application", state.application, whole.application),
        ("version", state.version or whole.version, whole.version or state.version),
        ("databases", *_names(state.databases, whole.databases)),
        ("paths", *_names(state.paths, whole.paths)),
    )
    for what, ours, theirs in pairs:
        if ours != theirs:
            raise StateError(
                f"{what}.differs" if what != "export" else "export.other",
                f"the {what} asked for is {ours}, the export's is {theirs}; both have to be the "
                "same: deploy what was exported, or take another export",
            )


def _names(ours: Sequence[Any], theirs: Sequence[Any]) -> tuple[str, str]:
    first, second = (", ".join(sorted(it.name for it in one)) or "none" for one in (ours, theirs))
    return first, second


def _everything(
    request: Request, progress: Progress, staging: Staging, whole: manifest.Manifest
) -> Plan:
    databases = {it.name: it for it in whole.databases}
    paths = {it.name: it for it in whole.paths}
    return Plan(
        tuple(
            loading.Target(it, databases[it.name], staging, progress.report)
            for it in request.state.databases
        ),
        tuple(
            placing.Arrival(it, paths[it.name], staging, progress.report)
            for it in request.state.paths
        ),
    )


def _planned(everything: Plan, folder: WorkFolder) -> Plan:
    """Return what is not there yet; refuse to touch what is somebody's.

    Raises:
        StateError: there is something else, or it would not fit.
    """
    mark = folder.find_mark()
    ours = mark[1] if mark else frozenset()
    for target in everything.databases:
        asyncio.run(loading.check(target))
    for arrival in everything.paths:
        placing.check(arrival.place, folder.scratch)
    return Plan(
        tuple(it for it in everything.databases if asyncio.run(_is_to_fill(it))),
        tuple(it for it in everything.paths if it.place.name in ours or _is_to_place(it)),
    )


async def _is_to_fill(target: loading.Target) -> bool:
    async with postgres.connected(target.place) as connection:
        is_marked = await inventory.find_mark(connection) is not None
        is_occupied = await inventory.is_occupied(connection)
    if is_marked:
        return True
    if not is_occupied and target.wanted.pre_data:
        return True
    different = await loading.compared(target)
    if different:
        raise StateError(
            "target.not_empty",
            NOT_EMPTY.format(f"database {target.place.name}")
            + f" (it also differs from the export in {', '.join(different[:3])})",
        )
    return False


def _is_to_place(arrival: placing.Arrival) -> bool:
    place = arrival.place
    found = saving.look(place, arrival.report)
    if not placing.differs(place, arrival.wanted, found):
        return False
    if placing.is_occupied(place):
        raise StateError("target.not_empty", NOT_EMPTY.format(place.path))
    return True


def _check_room(plan: Plan, folder: WorkFolder) -> None:
    """Refuse what certainly does not fit on the disk."""
    trees = [it.wanted for it in plan.paths]
    wanted = sum(it.bytes for it in trees) + sum(
        it.raw_bytes
        for it in (
            *(it for one in trees for it in one.listing),
            *(it for one in plan.databases for it in manifest.chunks_of_database(one.wanted)),
        )
    )
    disk = os.statvfs(folder.scratch)
    free = disk.f_bavail * disk.f_frsize
    if wanted + ROOM > free:
        raise _no_room(f"needs {wanted + ROOM} bytes and the disk has {free} left")
    entries = sum(it.files + it.folders + it.links for it in trees)
    # Some file systems have no limit, and say zero.
    if disk.f_files and entries > disk.f_favail:
        what = "files, folders and links"
        raise _no_room(f"has {entries} {what} and the disk has room for {disk.f_favail} more")


def _no_room(what: str) -> StateError:
    return StateError(
        "space.missing",
        f"the export {what}; nothing was changed: make the machine's disk larger, or remove "
        "something from it",
    )


def _check_chunks(staging: Staging, plan: Plan, progress: Progress) -> None:
    wanted = [
        *(it for one in plan.databases for it in manifest.chunks_of_database(one.wanted)),
        *(it for one in plan.paths for it in one.wanted.listing),
    ]
    chunks.check(
        staging,
        wanted,
        lambda done, total: progress.report("chunks checked", done, total, "bytes"),
    )


def _mark(plan: Plan, folder: WorkFolder, export: str) -> None:
    """Mark everything that will be touched, before anything is."""
    if plan.paths:
        folder.mark(export, [it.place.name for it in plan.paths])
    for it in plan.databases:
        asyncio.run(loading.mark(it, export))


def _unmark(databases: Sequence[DatabasePlace], folder: WorkFolder) -> None:
    for it in databases:
        asyncio.run(loading.unmark(it))
    folder.unmark()
