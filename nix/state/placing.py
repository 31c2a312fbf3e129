"""Snapshots become folders: restored apart, compared, and put into their place in one step."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import accounts
import chunks
import trees
from failures import StateError

if TYPE_CHECKING:
    from pathlib import Path

    import manifest
    from inventory import Report
    from request import PathPlace
    from restic import Restic
    from staging import Staging

NAMED: Final = 5
"""Differences that are worth naming one by one."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A folder that is filled."""

    place: PathPlace
    wanted: manifest.Tree
    staging: Staging
    report: Report

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
    if not parent.is_dir() or parent.resolve() != parent or place.path.is_symlink():
        raise StateError(
            "path.unusable",
            f"{place.path} cannot be made: {parent} must be a folder and not behind a link; "
            "activate the system that has the application",
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
    """Say whether there is anything at a path."""
    try:
        return any(place.path.iterdir())
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        return True


def differs(place: PathPlace, wanted: manifest.Tree, found: trees.Seen | None) -> bool:
    """Say whether a folder is not what was exported."""
    if found is None or not wanted.exists:
        return wanted.exists != (found is not None)
    return found.fingerprint != wanted.fingerprint or bool(_owners(found) - {place.owner or _own()})


def restore(arrival: Arrival, restic: Restic, target: Path) -> None:
    """Fill a folder that nobody else sees and compare it with what was exported.

    Raises:
        StateError: it is not the same.
    """
    wanted = arrival.wanted
    listed = trees.read_listing(b"".join(chunks.contents(arrival.staging, wanted.listing)))
    if listed.fingerprint != wanted.fingerprint:
        raise _damaged(arrival, "the list of files is another one")
    target.mkdir(mode=0o700)
    arrival.report(arrival.what, 0, wanted.files, "files")
    if wanted.snapshot:
        restic.restore(wanted.snapshot, target)
    _finish(arrival.place, listed, target)
    found = trees.seen(target, (), lambda done: arrival.report(arrival.what, done, None, "files"))
    if found.fingerprint != wanted.fingerprint or found.special:
        raise _damaged(arrival, _different(listed, found))
    arrival.report(arrival.what, wanted.files, wanted.files, "files")


def put(place: PathPlace, wanted: manifest.Tree, restored: Path) -> None:
    """Put a restored folder into its place, instead of what an unfinished import left there."""
    if place.path.is_dir():
        shutil.rmtree(place.path)
    else:
        place.path.unlink(missing_ok=True)
    if wanted.exists:
        restored.rename(place.path)


def _finish(place: PathPlace, listed: trees.Seen, target: Path) -> None:
    """Give everything to its owner, and the folder itself what is not part of a snapshot."""
    account = accounts.get(place.owner)
    # From below: whoever owns a folder could change what is in it. Links are never followed.
    for path in sorted(target.rglob("*"), reverse=True):
        accounts.own(path, account)
    accounts.own(target, account)
    top = next((it for it in listed.entries if it.path == trees.TOP), None)
    if top is not None:
        target.chmod(top.mode)


def _owners(found: trees.Seen) -> frozenset[str]:
    return frozenset(it.owner for it in found.entries)


def _own() -> str:
    return accounts.name_of(os.geteuid())


def _different(wanted: trees.Seen, found: trees.Seen) -> str:
    before, after = ({it.path: it.line for it in one.entries} for one in (wanted, found))
    names = sorted(it for it in before.keys() | after.keys() if before.get(it) != after.get(it))
    return f"{len(names)} differ, such as {', '.join(names[:NAMED])}"


def _damaged(arrival: Arrival, what: str) -> StateError:
    return StateError(
        "files.damaged",
        f"the files of {arrival.place.name} are not what was exported: {what}; nothing was "
        "changed by them: export again, or take another copy",
    )
