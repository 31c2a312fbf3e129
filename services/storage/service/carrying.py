"""Carrying objects between a deployment's buckets and a backup, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from shared import errors

from ..domain import index as indexes
from ..domain.index import INDEX, BackupIndex
from ..domain.objects import Place, StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared import jobs

    from ..domain.backups import Backup
    from ..domain.objects import Part
    from ..ports import ObjectCopier

T = TypeVar("T")
AT_ONCE: Final = 16
REPORT_SECONDS: Final = 1.0
LONG_SECONDS: Final = 24 * 3600.0
"""How long one attempt at all objects of a bucket may take: what was done is not done again."""


@dataclass(frozen=True, slots=True)
class Copy:
    """An object that is to be copied."""

    source: Place
    target: Place
    size: int
    etag: str
    """Of the source; a copy that was made in parts has another one."""


Told = Callable[[Copy, str], Awaitable[None]]
"""Called with what was copied, and the ETag of the copy."""


def to_backup(backup: Backup, part: Part, objects: Iterable[StoredObject]) -> list[Copy]:
    """Return what copies objects of a deployment's bucket into a backup."""
    return [
        Copy(Place(part.bucket, it.key), Place(backup.name, part.prefix + it.key), it.size, it.etag)
        for it in objects
    ]


def from_backup(backup: Backup, part: Part, objects: Iterable[StoredObject]) -> list[Copy]:
    """Return what copies objects, by their keys in a backup, into a deployment's bucket."""
    return [
        Copy(
            Place(backup.name, it.key),
            Place(part.bucket, it.key.removeprefix(part.prefix)),
            it.size,
            it.etag,
        )
        for it in objects
    ]


async def listing(
    copier: ObjectCopier, bucket: str, prefixes: Sequence[str] = ("",), *, without: str = ""
) -> dict[str, StoredObject]:
    """Return the objects below some prefixes by their keys, without what stands before all."""
    return {
        it.key.removeprefix(without): it
        for prefix in prefixes
        async for page in copier.list_objects(bucket, prefix)
        for it in page
    }


async def read_index(copier: ObjectCopier, backup: Backup) -> BackupIndex:
    """Return the index of a complete backup.

    Raises:
        FaultError: it is missing, or not the one that was written.
    """
    try:
        content = await copier.read(backup.name, INDEX)
    except errors.NotFoundError as error:
        raise indexes.damaged("its index is missing") from error
    return indexes.read(content, backup.index_sha256)


async def copy_whole(
    copier: ObjectCopier, copies: Sequence[Copy], job: jobs.Job, told: Told | None = None
) -> None:
    """Copy objects of a backup, and report how far that is.

    Raises:
        FaultError: the backup lacks one of them by now.
    """
    lacking = len(copies) - await copy_all(copier, copies, job, told)
    if lacking:
        raise indexes.damaged(f"{lacking} of its objects are missing")


async def copy_all(
    copier: ObjectCopier, copies: Sequence[Copy], job: jobs.Job, told: Told | None = None
) -> int:
    """Copy objects, some at a time, and report how far that is.

    Returns:
        How many were still there to be copied.
    """
    loop = asyncio.get_running_loop()
    reported = loop.time()
    done = copied = 0

    async def copy(it: Copy) -> None:
        nonlocal reported, done, copied
        etag = await copier.copy(it.source, it.target, it.size)
        if etag is not None:
            copied += 1
            if told:
                await told(it, etag)
        done += 1
        if loop.time() - reported > REPORT_SECONDS:
            reported = loop.time()
            await job.report(done=done, total=len(copies), unit="objects")

    await _many_at_once(copy, copies)
    return copied


async def find_all(copier: ObjectCopier, places: Iterable[Place]) -> dict[Place, StoredObject]:
    """Return those of some objects that are there."""
    found: dict[Place, StoredObject] = {}

    async def find(place: Place) -> None:
        if known := await copier.find(place):
            found[place] = known

    await _many_at_once(find, places)
    return found


async def _many_at_once(work: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    waiting = iter(items)

    async def lane() -> None:
        for it in waiting:
            await work(it)

    lanes = [asyncio.create_task(lane()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for it in lanes:
            it.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
