"""Folders become snapshots, and what is said about them is what was saved.

Files may change while they are saved. What the snapshot holds is compared with what was seen
before; the content of what differs is read back from the snapshot.
"""

from __future__ import annotations

import re
from calendar import timegm
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Final

import manifest
import trees
from failures import StateError

if TYPE_CHECKING:
    from chunks import Writer
    from inventory import Report
    from request import PathPlace
    from restic import Restic
    from trees import Entry, Seen

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


def described(place: PathPlace, found: Seen | None) -> manifest.Tree:
    """Return what is said about a folder that was seen, or that is not there."""
    return manifest.Tree(
        name=place.name,
        path=str(place.path),
        owner=place.owner,
        excludes=place.excludes,
        exists=found is not None,
        files=found.count(trees.FILE) if found else 0,
        # The folder itself is none of those in it.
        folders=found.count(trees.FOLDER) - 1 if found else 0,
        links=found.count(trees.LINK) if found else 0,
        bytes=found.bytes if found else 0,
        fingerprint=found.fingerprint if found else "",
    )


def look(place: PathPlace, report: Report, *, is_hashed: bool = True) -> Seen | None:
    """Return what is in a folder, if it is there."""
    if not place.path.is_dir():
        return None
    what = f"files of {place.name} compared"
    return trees.seen(
        place.path,
        place.excludes,
        lambda done: report(what, done, None, "files"),
        is_hashed=is_hashed,
    )


def save(place: PathPlace, to: Destination) -> tuple[manifest.Tree, list[str], list[str]]:
    """Return a folder whose contents are in the bucket, what is left out, and notes."""
    found = look(place, to.report)
    if found is None:
        return described(place, None), [], [f"path {place.path} does not exist"]
    left_out = [
        *(f"path {place.path}: {it}" for it in place.excludes),
        *(f"path {place.path}: {it}, a socket, pipe or device" for it in found.special),
    ]
    snapshot = ""
    if not found.is_empty:
        excluded = [
            *(it if "/" in it else f"**/{it}" for it in place.excludes),
            *(_literal(it) for it in found.special),
        ]

        def report(said: dict[str, Any]) -> None:
            total = said.get("total_bytes")
            to.report(f"files of {place.name}", said.get("bytes_done", 0), total, "bytes")

        summary = to.restic.save(place.path, excluded, report)
        snapshot, nodes = to.restic.listed(summary.snapshot)
        found = _saved(place, to.restic, snapshot, (found, nodes))
    others = sorted({it.owner for it in found.entries} - {place.owner}) if place.owner else []
    notes = [f"path {place.path}: files of {it} become files of {place.owner}" for it in others]
    tree = replace(
        described(place, found),
        snapshot=snapshot,
        listing=to.writer.text(trees.listing(found)),
    )
    return tree, left_out, notes


def _saved(
    place: PathPlace, restic: Restic, snapshot: str, found: tuple[Seen, list[dict[str, Any]]]
) -> Seen:
    """Return what a snapshot holds."""
    before, nodes = found
    known: dict[str, list[Entry]] = {}
    for it in before.entries:
        known.setdefault(_as_listed(it.path), []).append(it)
    entries = known.pop(trees.TOP)
    for node in nodes:
        entry = _entry(node)
        same = next((it for it in known.get(entry.path, ()) if _is_same(it, entry)), None)
        if same is not None:
            known[entry.path].remove(same)
        entries.append(same or _changed(place, restic, snapshot, entry))
    return replace(before, entries=trees.ordered(entries))


def _changed(place: PathPlace, restic: Restic, snapshot: str, entry: Entry) -> Entry:
    """Return an entry that was not seen like this before it was saved."""
    if UNREADABLE in entry.path:
        raise StateError(
            "files.changing",
            f"{entry.path}, whose name is not UTF-8, changed while it was saved; run it again",
            is_retryable=True,
        )
    if entry.type == trees.FILE:
        return replace(entry, digest=restic.content(snapshot, f"/{entry.path}", _digest))
    # A folder has no content; a link that is new is looked at where it is.
    return trees.hashed(place.path, entry)


def _as_listed(path: str) -> str:
    """Return a path as restic lists it: bytes that are no UTF-8 are not told apart."""
    return NOT_UTF8.sub(UNREADABLE, path)


def _is_same(one: Entry, other: Entry) -> bool:
    return replace(one, path=other.path, digest="", owner="", group="") == other


def _digest(content: IO[bytes]) -> str:
    return trees.digest_of(iter(lambda: content.read(trees.BLOCK), b""))


def _entry(node: dict[str, Any]) -> Entry:
    kind = node["type"]
    if kind not in {trees.FILE, trees.FOLDER, trees.LINK}:
        raise StateError(
            "files.changing",
            f"{node['path']} became a socket, pipe or device while it was saved; run it again",
            is_retryable=True,
        )
    mode = node["mode"] & 0o777
    for bit, value in GO_TYPE_BITS:
        mode |= value if node["mode"] >> bit & 1 else 0
    return trees.Entry(
        path=node["path"].removeprefix("/"),
        type=kind,
        mode=trees.carried_mode(kind, mode),
        size=node.get("size", 0),
        changed_ns=_nanoseconds(node["mtime"]),
    )


def _nanoseconds(moment: str) -> int:
    found = MOMENT.fullmatch(moment)
    assert found is not None, moment  # noqa: S101 - restic writes this in UTC, as we ask it to
    *parts, fraction = found.groups(default="0")
    numbers = [int(it) for it in parts]
    return timegm((*numbers, 0, 0, 0)) * 10**9 + int(fraction.ljust(9, "0"))


def _literal(path: str) -> str:
    """Return a pattern that means one path."""
    return re.sub(r"([*?\[\\])", r"\\\1", path)
