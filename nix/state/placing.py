"""Snapshots become folders: restored apart, compared, and put into their place in one step.

A snapshot was made by somebody else. What is in it is compared with the list of files before any of
it is written; it is written by the owner of the folder, who may do nothing elsewhere, and compared
again as what it has become.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import accounts
import listings
import places
import saving
import trees
from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import manifest
    from inventory import Report
    from request import PathPlace
    from restic import Restic
    from staging import Staging
    from trees import Entry


@dataclass(frozen=True, slots=True)
class Arrival:
    """A folder that is filled."""

    place: PathPlace
    wanted: manifest.Tree
    staging: Staging
    report: Report

    @property
    def key(self) -> str:
        """What stands for its name where files are kept."""
        return hashlib.sha256(self.place.name.encode()).hexdigest()

    @property
    def what(self) -> str:
        """What is said while it is filled."""
        return f"files of {self.place.name}"


def check(place: PathPlace, scratch: Path) -> None:
    """Refuse a place that is not where it seems to be, or not on the disk of our own folder.

    Raises:
        StateError: it cannot be used; nothing was changed.
    """
    parent = place.path.parent
    with places.opened(parent) as above, places.opened(place.path):
        if above is None:
            raise StateError(
                "path.unusable",
                f"{place.path} cannot be made: there is no {parent}; activate the system that has "
                "the application",
            )
    check_disk(place, scratch)


def check_disk(place: PathPlace, scratch: Path) -> None:
    """Refuse a place that is not on the disk of our own folder.

    Raises:
        StateError: it is on another one, or will be when it is made.
    """
    nearest = next(it for it in place.path.parents if it.is_dir())
    if place.path.is_mount() or nearest.stat().st_dev != scratch.stat().st_dev:
        raise StateError(
            "path.unusable",
            f"{place.path} is on another file system than {scratch.parent}, so it cannot be put "
            "into its place in one step; name a folder for this program on the same one",
        )


def is_occupied(place: PathPlace) -> bool:
    """Say whether there is anything in a folder, whatever it is.

    Raises:
        StateError: it is no folder.
    """
    with places.opened(place.path) as top:
        if top is None:
            return False
        with accounts.acting_as(accounts.get(place.owner)):
            inside = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=top)
        try:
            with os.scandir(inside) as found:
                return next(found, None) is not None
        finally:
            os.close(inside)


def differs(place: PathPlace, wanted: manifest.Tree, found: trees.Summary | None) -> bool:
    """Say whether a folder is not what was exported."""
    if found is None or not wanted.exists:
        return wanted.exists != (found is not None)
    owner = place.owner or accounts.name_of(os.geteuid())
    return found.fingerprint != wanted.fingerprint or bool(found.owners - {owner})


def restore(arrival: Arrival, restic: Restic, target: Path, before: Path | None = None) -> None:
    """Fill a folder that nobody else sees and compare it with what was exported.

    Args:
        arrival: which folder.
        restic: where its files are.
        target: what is filled.
        before: what was restored before, which is taken if it still is what was exported.

    Raises:
        StateError: it is not the same.
    """
    wanted = arrival.wanted
    if not wanted.exists:
        return
    arrival.report(arrival.what, 0, wanted.files, "files")
    with (target.parent / "listing").open("w+b") as listing:
        listings.fetch(arrival.staging, wanted, listing)
        if before is None or not _is_still(arrival, before, listing):
            _restore(arrival, restic, target, listing)
        else:
            before.rename(target)
    arrival.report(arrival.what, wanted.files, wanted.files, "files")


def _is_still(arrival: Arrival, before: Path, listing: IO[bytes]) -> bool:
    """Say whether what was restored before is what was exported; remove what is not."""
    account = accounts.get(arrival.place.owner)
    owners: set[str] = set()
    with suppress(StateError, OSError), places.opened(before) as top:
        if top is not None:
            with accounts.acting_as(account):
                owners = _compare(arrival, top, listing)
    if owners == {accounts.name_of(account.user_id if account else os.geteuid())}:
        return True
    shutil.rmtree(before, ignore_errors=True)
    return False


def _restore(arrival: Arrival, restic: Restic, target: Path, listing: IO[bytes]) -> None:
    account = accounts.get(arrival.place.owner)
    target.mkdir(mode=0o700)
    accounts.own(target, account)
    with places.opened(target) as top:
        assert top is not None  # noqa: S101 - it was just made
        snapshot = arrival.wanted.snapshot
        if snapshot:
            used = restic.acting_as(account)
            largest = _check_snapshot(arrival, used, listing)
            used.restore(snapshot, top, largest)
        with accounts.acting_as(account):
            _finish(top, listing)
            _compare(arrival, top, listing)


def _check_snapshot(arrival: Arrival, restic: Restic, listing: IO[bytes]) -> int:
    """Refuse a snapshot that does not hold just what is listed; return its largest file's size."""
    awaited, largest = _awaited(arrival, listing)
    with closing(restic.listed(arrival.wanted.snapshot)) as nodes:
        next(nodes, None)
        for node in nodes:
            found = saving.listed(node)
            mark = _mark(found.path, found)
            if not awaited[mark] or node.get("name") != found.path.rpartition("/")[2]:
                raise _damaged(arrival, f"the snapshot holds {found.path[: trees.NAMED]} as well")
            awaited[mark] -= 1
    if any(awaited.values()):
        raise _damaged(arrival, "the snapshot does not hold all that is listed")
    return largest


def _awaited(arrival: Arrival, listing: IO[bytes]) -> tuple[Counter[bytes], int]:
    """Return what stands for each entry of a list, and how often; and its largest file's size."""
    awaited: Counter[bytes] = Counter()
    alike: dict[bytes, bool] = {}
    largest = 0
    for it in _below(listing):
        name = saving.as_listed(it.path)
        if saving.UNREADABLE in name:
            key, is_file = _digest(name), it.type == trees.FILE
            # Names that restic shows alike; with one of them it could be led out of the folder.
            if not (alike.get(key, True) and (is_file or key not in alike)):
                raise _damaged(arrival, f"there are two of {name[: trees.NAMED]}")
            alike[key] = is_file
        awaited[_mark(name, it)] += 1
        largest = max(largest, it.size)
    return awaited, largest


def _below(listing: IO[bytes]) -> Iterator[Entry]:
    return (it for it in listings.read(listing) if it.path != trees.TOP)


def _mark(name: str, entry: Entry) -> bytes:
    """Return what stands for an entry, in little room."""
    return _digest(f"{entry.type} {entry.mode} {entry.size} {entry.changed_ns} {name}")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _finish(top: int, listing: IO[bytes]) -> None:
    """Give the folder itself what no snapshot holds, and take from files what is not carried."""
    for it in listings.read(listing):
        if it.path == trees.TOP:
            os.chmod(".", it.mode, dir_fd=top)
        elif it.type == trees.FILE:
            status = os.stat(it.path, dir_fd=top, follow_symlinks=False)
            if status.st_mode & ~trees.FILE_MODE & 0o7777:
                os.chmod(it.path, it.mode, dir_fd=top)


def _compare(arrival: Arrival, top: int, listing: IO[bytes]) -> set[str]:
    """Refuse a folder that is not what is listed; return who owns what is in it."""
    special: list[str] = []
    owners: set[str] = set()

    def found() -> Iterator[Entry]:
        for it in trees.walked(top, (), special.append):
            owners.add(it.owner)
            yield it

    different = listings.different(
        listings.read(listing),
        found(),
        lambda done: arrival.report(arrival.what, done, None, "files"),
    )
    if different or special:
        raise _damaged(arrival, f"such as {', '.join((*different, *special)[: trees.FEW])}")
    return owners


def put(place: PathPlace, wanted: manifest.Tree, restored: Path) -> None:
    """Put a restored folder into its place, instead of what an unfinished import left there."""
    name = place.path.name
    with places.opened(place.path.parent) as parent, places.opened(place.path) as there:
        if there is not None:
            shutil.rmtree(name, dir_fd=parent)
        if wanted.exists:
            os.rename(restored, name, dst_dir_fd=parent)


def _damaged(arrival: Arrival, what: str) -> StateError:
    return StateError(
        "files.damaged",
        f"the files of {arrival.place.name} are not what was exported: {what}; nothing was "
        "changed by them: export again, or take another copy",
    )
