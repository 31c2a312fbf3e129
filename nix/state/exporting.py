"""Export: the application's state into the staging bucket, while the application may go on.

The manifest is written last: an export that has none does not exist. Whatever an attempt before has
put there is found again and not sent twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING, Any

import accounts
import dumping
import manifest
import saving
from chunks import Writer
from failures import StateError
from folders import WorkFolder
from restic import Restic
from staging import Staging

if TYPE_CHECKING:
    from progress import Progress
    from request import Request


def export(request: Request, progress: Progress) -> dict[str, Any]:
    """Export; return what whoever imports it has to know."""
    began = time.monotonic()
    folder = WorkFolder(request.folder, request.state.application)
    with folder.locked():
        mark = folder.find_mark()
        if mark is not None:
            raise StateError(
                "source.unfinished",
                f"the files are those of the unfinished import {mark[0]}; finish it first",
            )
        staging = Staging(request.staging)
        writer = Writer(staging)
        whole = _exported(request, progress, (staging, writer), folder)
        content = whole.encoded()
        if len(content) > manifest.LARGEST_BYTES:
            raise StateError(
                "export.too_large",
                f"{manifest.OBJECT} would be longer than {manifest.LARGEST_BYTES} bytes, which "
                "nobody reads; the application has too much state for this program",
            )
        staging.put(manifest.OBJECT, content)
    return {
        "manifest": manifest.OBJECT,
        "sha256": hashlib.sha256(content).hexdigest(),
        **manifest.totals(whole),
        "sent_bytes": writer.sent_bytes,
        "sent_objects": writer.sent_objects,
        "seconds": round(time.monotonic() - began, 3),
    }


def _exported(
    request: Request, progress: Progress, to: tuple[Staging, Writer], folder: WorkFolder
) -> manifest.Manifest:
    staging, writer = to
    left_out = list(request.state.elsewhere)
    notes: list[str] = []
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    databases = []
    for place in request.state.databases:
        source = dumping.Source(place, writer, progress.report)
        database, *remarks = asyncio.run(dumping.export(source))
        databases.append(database)
        left_out += remarks[0]
        notes += remarks[1]
    # Files come second: one that a row names was written before the row was, and is still there
    # unless it was replaced since.
    paths = []
    if request.state.paths:
        restic = Restic(request.staging, request.files_password, folder.scratch)
        restic.acting_as(accounts.get(request.state.paths[0].owner)).ensure(staging)
        destination = saving.Destination(restic, writer, progress.report)
        for path in request.state.paths:
            tree, *remarks = saving.save(path, destination)
            paths.append(tree)
            left_out += remarks[0]
            notes += remarks[1]
    return manifest.Manifest(
        export=request.export,
        application=request.state.application,
        version=request.state.version,
        created=created,
        facts=request.facts,
        databases=tuple(databases),
        paths=tuple(paths),
        not_included=tuple(left_out),
        notes=tuple(notes),
    )
