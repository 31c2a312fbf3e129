"""Folders become snapshots, and what is said about them is what was saved.

Files may change while they are saved. What the snapshot holds is compared with what was seen
before; the content of what differs is read back from the snapshot.
"""

from __future__ import annotations

import os
import re
from calendar import timegm
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Final

import accounts
import listings
import manifest
import places
import trees
from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from accounts import Account
    from chunks import Writer
    from inventory import Report
    from request import PathPlace
    from restic import Restic
    from trees import Entry, Summary

# As the language that restic is written in counts them.
GO_TYPE_BITS: Final = ((23, 0o4000), (22, 0o2000), (20, 0o1000))
UNREADABLE: Final = "\ufffd"
NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
MOMENT: Final = re.compile(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.(\d+))?Z")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where folders are saved."""

    restic: Restic
    writer: Writer
    report: Report


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is saved: open, and what is in it is read by its owner."""

    place: PathPlace
    top: int
    account: Account | None


def described(place: PathPlace, found: Summary | None) -> manifest.Tree:
    """Return what is said about a folder that was seen, or that is not there."""
    return manifest.Tree(
        name=place.name,
        path=str(place.path),
        owner=place.owner,
        excludes=place.excludes,
        exists=found is not None,
        files=found.files if found else 0,
        folders=found.folders if found else 0,
        links=found.links if found else 0,
        bytes=found.bytes if found else 0,
        fingerprint=found.fingerprint if found else "",
    )


def look(place: PathPlace, report: Report, *, is_hashed: bool = True) -> Summary | None:
    """Return what there is in a folder, if it is there, as far as its owner sees it."""
    with places.opened(place.path) as top:
        if top is None:
            return None
        summary = trees.Summary()
        found = trees.walked(top, place.excludes, summary.special.append, is_hashed=is_hashed)
        with accounts.acting_as(accounts.get(place.owner)):
            for done, it in enumerate(found):
                summary.add(it)
                report(f"files of {place.name} compared", done, None, "files")
    return summary


def save(place: PathPlace, to: Destination) -> tuple[manifest.Tree, list[str], list[str]]:
    """Return a folder whose contents are in the bucket, what is left out, and notes."""
    with places.opened(place.path) as top:
        if top is None:
            return described(place, None), [], [f"path {place.path} does not exist"]
        folder = Folder(place, top, accounts.get(place.owner))
        entries, special = _seen(folder, to.report)
        snapshot = ""
        if len(entries) > 1:
            snapshot, entries = _saved(folder, to, entries, special)
    left_out = [
        *(f"path {place.path}: {it}" for it in place.excludes),
        *(f"path {place.path}: {it}, a socket, pipe or device" for it in special),
    ]
    summary = trees.Summary()
    for it in entries:
        summary.add(it)
    listing = to.writer.text(listings.written(entries))
    others = sorted(summary.owners - {place.owner}) if place.owner else []
    notes = [f"path {place.path}: files of {it} become files of {place.owner}" for it in others]
    return replace(described(place, summary), snapshot=snapshot, listing=listing), left_out, notes


def _seen(folder: Folder, report: Report) -> tuple[list[Entry], list[str]]:
    """Return what there is in a folder, and what of it cannot be carried."""
    place = folder.place
    entries: list[Entry] = []
    special: list[str] = []
    with accounts.acting_as(folder.account):
        for it in trees.walked(folder.top, place.excludes, special.append):
            if len(entries) > listings.MOST_ENTRIES:
                raise StateError(
                    "files.too_many",
                    f"there is more in {place.path} than can be carried, which is a million; "
                    "leave something out",
                )
            entries.append(it)
            report(f"files of {place.name} compared", len(entries) - 1, None, "files")
    return entries, special


def _saved(
    folder: Folder, to: Destination, before: list[Entry], special: Sequence[str]
) -> tuple[str, list[Entry]]:
    """Save a folder; return the snapshot and what it holds, in order."""
    place = folder.place
    excluded = [
        *(it if "/" in it else f"**/{it}" for it in place.excludes),
        *(_literal(it) for it in special),
    ]

    def report(said: dict[str, Any]) -> None:
        total = said.get("total_bytes")
        to.report(f"files of {place.name}", said.get("bytes_done", 0), total, "bytes")

    restic = to.restic.acting_as(folder.account)
    nodes = restic.listed(restic.save((folder.top, place.path), excluded, report))
    snapshot = str(next(nodes)["id"])
    known = _Known(before)
    entries = [known.top]
    for node in nodes:
        entry = listed(node)
        entries.append(known.take(entry) or _changed(folder, restic, snapshot, entry))
    return snapshot, sorted(entries, key=lambda it: os.fsencode(it.path))


class _Known:
    """What was seen in a folder, found by the names that restic has for it."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._one: dict[str, Entry] = {}
        self._many: dict[str, list[Entry]] = {}
        for it in entries:
            name = as_listed(it.path)
            if name == it.path:
                self._one[name] = it
            else:
                self._many.setdefault(name, []).append(it)
        self.top = self._one.pop(trees.TOP)

    def take(self, entry: Entry) -> Entry | None:
        """Return what was seen just like this, once."""
        one = self._one.pop(entry.path, None)
        if one is not None:
            return one if _is_same(one, entry) else None
        same = self._many.get(entry.path, [])
        found = next((it for it in same if _is_same(it, entry)), None)
        if found is not None:
            same.remove(found)
        return found


def _changed(folder: Folder, restic: Restic, snapshot: str, entry: Entry) -> Entry:
    """Return an entry that was not seen like this before it was saved."""
    if UNREADABLE in entry.path:
        raise _changing(f"{entry.path}, whose name is not UTF-8, changed")
    if entry.type == trees.FILE:
        content = restic.content(snapshot, f"/{entry.path}", _digest)
        return replace(entry, digest=content)
    if entry.type == trees.FOLDER:
        return entry
    if entry.type != trees.LINK:
        raise _changing(f"{entry.path} became a socket, pipe or device")
    # A link that is new is looked at where it is.
    with accounts.acting_as(folder.account):
        found = trees.looked_at(folder.top, entry.path)
    if found is None or not _is_same(found, entry):
        raise _changing(f"the link {entry.path} changed")
    return found


def _changing(what: str) -> StateError:
    return StateError(
        "files.changing", f"{what} while it was saved; run it again", is_retryable=True
    )


def as_listed(path: str) -> str:
    """Return a path as restic lists it: bytes that are no UTF-8 are not told apart."""
    return NOT_UTF8.sub(UNREADABLE, path)


def _is_same(one: Entry, other: Entry) -> bool:
    return replace(one, path=other.path, digest="", owner="", group="") == other


def _digest(content: IO[bytes]) -> str:
    return trees.digest_of(iter(lambda: content.read(trees.BLOCK), b""))


def listed(node: dict[str, Any]) -> Entry:
    """Return what restic lists, as far as it tells; it may be of a type that is not carried.

    Raises:
        StateError: it is nothing that restic lists.
    """
    try:
        kind, path, mode = str(node["type"]), str(node["path"]), int(node["mode"])
        size, changed_ns = int(node.get("size", 0)), _nanoseconds(node["mtime"])
    except (KeyError, TypeError, ValueError):
        raise StateError("files.damaged", "restic lists what it never does; export again") from None
    bits = mode & 0o777
    for bit, value in GO_TYPE_BITS:
        bits |= value if mode >> bit & 1 else 0
    return trees.Entry(
        path=path.removeprefix("/"),
        type=kind,
        mode=trees.carried_mode(kind, bits),
        size=size if kind == trees.FILE else 0,
        changed_ns=changed_ns,
    )


def _nanoseconds(moment: str) -> int:
    found = MOMENT.fullmatch(moment)
    if found is None:
        raise ValueError(moment)
    *parts, fraction = found.groups(default="0")
    numbers = [int(it) for it in parts]
    return timegm((*numbers, 0, 0, 0)) * 10**9 + int(fraction.ljust(9, "0"))


def _literal(path: str) -> str:
    """Return a pattern that means one path."""
    return re.sub(r"([*?\[\\])", r"\\\1", path)
