"""Folders: what is in them, and how that is recognised anywhere else.

A line for everything in a folder: path, type, mode, size, time of change, SHA-256 of the content or
of where a link leads. The fingerprint of the folder is the SHA-256 of all lines in order. Owners
stand beside it: they are mapped where the files arrive.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import accounts
from failures import StateError
from fields import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

BLOCK: Final = 2**20
FILE, FOLDER, LINK = "file", "dir", "symlink"
TOP: Final = "."
# What would give rights to whoever runs a file is not state.
FILE_MODE: Final = 0o777
FOLDER_MODE: Final = 0o7777


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a folder or a link."""

    path: str
    type: str
    mode: int
    size: int
    changed_ns: int
    digest: str = ""
    owner: str = ""
    group: str = ""

    @property
    def line(self) -> str:
        """What recognises it."""
        seen = [self.path, self.type, self.mode, self.size, self.changed_ns, self.digest]
        return json.dumps(seen, separators=(",", ":")) + "\n"

    @property
    def full_line(self) -> str:
        """The same with its owners."""
        seen = [self.path, self.type, self.mode, self.size, self.changed_ns, self.digest]
        return json.dumps([*seen, self.owner, self.group], separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything in a folder, sorted by path, and what cannot be carried."""

    entries: tuple[Entry, ...]
    special: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What recognises the whole."""
        digest = hashlib.sha256()
        for it in self.entries:
            digest.update(it.line.encode())
        return digest.hexdigest()

    def count(self, kind: str) -> int:
        """Return how many there are of a type."""
        return sum(it.type == kind for it in self.entries)

    @property
    def bytes(self) -> int:
        """Return how much there is in files."""
        return sum(it.size for it in self.entries if it.type == FILE)

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing but the folder itself."""
        return len(self.entries) <= 1


def seen(
    top: Path,
    excludes: Sequence[str],
    report: Callable[[int], None],
    *,
    is_hashed: bool = True,
) -> Seen:
    """Return what is in a folder, now."""
    entries: list[Entry] = []
    special: list[str] = []
    for path, status in _walked(top, TOP, excludes):
        entry = _entry(path, status)
        if entry is None:
            special.append(path)
            continue
        try:
            entries.append(hashed(top, entry) if is_hashed else entry)
        except FileNotFoundError:
            # Gone since the folder was read, as may be while the application runs.
            continue
        report(len(entries))
    return Seen(ordered(entries), tuple(special))


def ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries in the order that counts."""
    return tuple(sorted(entries, key=lambda it: os.fsencode(it.path)))


def hashed(top: Path, entry: Entry) -> Entry:
    """Return an entry with the digest of its content."""
    path = top / entry.path
    if entry.type == LINK:
        target = os.fsencode(path.readlink())
        return replace(entry, size=0, digest=hashlib.sha256(target).hexdigest())
    if entry.type != FILE:
        return entry
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return replace(entry, digest=digest_of(iter(lambda: file.read(BLOCK), b"")))


def digest_of(blocks: Iterable[bytes]) -> str:
    """Return the digest of a content that comes in blocks."""
    digest = hashlib.sha256()
    for it in blocks:
        digest.update(it)
    return digest.hexdigest()


def is_excluded(path: str, excludes: Iterable[str]) -> bool:
    """Say whether a pattern leaves out a path; one with a slash begins at the top."""
    parts = path.split("/")
    for pattern in excludes:
        wanted = pattern.split("/")
        if len(wanted) == 1:
            if any(fnmatch.fnmatchcase(it, pattern) for it in parts):
                return True
        elif len(parts) >= len(wanted) and all(
            fnmatch.fnmatchcase(it, part) for it, part in zip(parts, wanted, strict=False)
        ):
            return True
    return False


def _walked(top: Path, path: str, excludes: Sequence[str]) -> Iterator[tuple[str, os.stat_result]]:
    try:
        yield path, (top / path).lstat()
        with os.scandir(top / path) as found:
            names = sorted(it.name for it in found)
    except FileNotFoundError:
        return
    for name in names:
        below = name if path == TOP else f"{path}/{name}"
        if is_excluded(below, excludes):
            continue
        try:
            status = (top / below).lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walked(top, below, excludes)
        else:
            yield below, status


def _entry(path: str, status: os.stat_result) -> Entry | None:
    mode = status.st_mode
    kinds = ((FILE, stat.S_ISREG), (FOLDER, stat.S_ISDIR), (LINK, stat.S_ISLNK))
    kind = next((name for name, is_kind in kinds if is_kind(mode)), None)
    if kind is None:
        return None
    return Entry(
        path=path,
        type=kind,
        mode=carried_mode(kind, stat.S_IMODE(mode)),
        size=status.st_size if kind == FILE else 0,
        # Whoever makes or renames the folder itself changes its time.
        changed_ns=0 if path == TOP else status.st_mtime_ns,
        owner=accounts.name_of(status.st_uid),
        group=accounts.group_name_of(status.st_gid),
    )


def carried_mode(kind: str, mode: int) -> int:
    """Return the part of a mode that is carried; a link has none of its own."""
    return {FILE: mode & FILE_MODE, FOLDER: mode & FOLDER_MODE}.get(kind, FILE_MODE)


def listing(found: Seen) -> bytes:
    """Return all lines, with owners."""
    return "".join(it.full_line for it in found.entries).encode()


def read_listing(content: bytes) -> Seen:
    """Return what a listing lists.

    Raises:
        StateError: it lists something that does not belong below a folder.
    """
    mistakes: list[str] = []
    entries = []
    names = ("path", "type", "mode", "size", "changed_ns", "digest", "owner", "group")
    for number, line in enumerate(content.splitlines()):
        values = json.loads(line)
        fields = Fields(dict(zip(names, values, strict=False)), f"line {number}", mistakes)
        entries.append(
            Entry(
                path=fields.text("path", r"(?s)(?!/)(?!(.*/)?\.\.(/|\Z))[^\x00]+"),
                type=fields.text("type", f"{FILE}|{FOLDER}|{LINK}"),
                mode=fields.number("mode"),
                size=fields.number("size"),
                changed_ns=fields.signed("changed_ns"),
                digest=fields.text("digest", r"([0-9a-f]{64})?"),
                owner=fields.text("owner", default=""),
                group=fields.text("group", default=""),
            )
        )
    if mistakes:
        raise StateError(
            "manifest.damaged", f"a list of files is damaged ({mistakes[0]}); export again"
        )
    return Seen(tuple(entries))
