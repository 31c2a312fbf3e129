"""Folders: what is in them, and how that is recognised anywhere else.

A line for everything in a folder: path, type, mode, size, time of change, SHA-256 of the content or
of where a link leads. The fingerprint of the folder is the SHA-256 of all lines in order. Owners
stand beside it: they are mapped where the files arrive. A folder is never kept in mind as a whole.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import json
import os
import stat
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any, Final

import accounts
from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

BLOCK: Final = 2**20
FILE, FOLDER, LINK = "file", "dir", "symlink"
TOP: Final = "."
# What would give rights to whoever runs a file is not state.
FILE_MODE: Final = 0o777
FOLDER_MODE: Final = 0o7777
DEEPEST: Final = 200
"""Folders above a file; Python clears away no more than some hundreds."""
GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL})
FEW: Final = 5
"""Differences that are worth naming one by one."""
LONGEST_PATH: Final = 4095
"""Bytes that Linux takes for a path, besides the one that ends it."""
LONGEST_NAME: Final = 255
NAMED: Final = 200
"""Of a path, in a message."""


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


@dataclass(slots=True)
class Summary:
    """What is said about everything in a folder; takes entries in the order that counts."""

    files: int = 0
    folders: int = 0
    links: int = 0
    bytes: int = 0
    owners: set[str] = field(default_factory=set)
    special: list[str] = field(default_factory=list)
    """What cannot be carried."""
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, entry: Entry) -> None:
        """Take one more."""
        self.files += entry.type == FILE
        # The folder itself is none of those in it.
        self.folders += entry.type == FOLDER and entry.path != TOP
        self.links += entry.type == LINK
        self.bytes += entry.size if entry.type == FILE else 0
        self.owners.add(entry.owner)
        self.digest.update(entry.line.encode())

    @property
    def entries(self) -> int:
        """How much there is, also of what cannot be carried, without the folder itself."""
        return self.files + self.folders + self.links + len(self.special)

    @property
    def fingerprint(self) -> str:
        """What recognises the whole."""
        found: str = self.digest.hexdigest()
        return found


def walked(
    top: int,
    excludes: Sequence[str],
    special: Callable[[str], None],
    *,
    is_hashed: bool = True,
) -> Iterator[Entry]:
    """Yield everything in an open folder, now, sorted by the bytes of its path.

    Raises:
        StateError: something cannot be read, or is too deep to be handled.
    """
    for path in _paths(top, excludes):
        entry = looked_at(top, path, is_hashed=is_hashed)
        if entry is None:
            # Gone or replaced since the folder was read, as may be while the application runs.
            continue
        if entry.type:
            yield entry
        else:
            special(path)


def looked_at(top: int, path: str, *, is_hashed: bool = True) -> Entry | None:
    """Return what is at a path, if anything is; without a type when it cannot be carried."""
    try:
        entry = _entry(path, os.stat(path, dir_fd=top, follow_symlinks=False))
        return _hashed(top, entry) if is_hashed else entry
    except PermissionError:
        raise _unreadable(path) from None
    except OSError as error:
        if error.errno not in GONE:
            raise
        return None


def _paths(top: int, excludes: Sequence[str]) -> Iterator[str]:
    """Yield paths in order; no more is kept in mind than the names beside the way to one."""
    waiting = [(b"", _names(top, TOP, excludes))]
    while waiting:
        above, names = waiting[-1]
        if not names:
            waiting.pop()
            continue
        key = above + names.pop()
        path = os.fsdecode(key.removesuffix(b"/"))
        if key.endswith(b"/"):
            waiting.append((key, _names(top, path, excludes)))
        else:
            yield path


def _names(top: int, folder: str, excludes: Sequence[str]) -> list[bytes]:
    """Return what is in a folder, last first; folders a second time, where what is in them sorts.

    That second time ends with a slash.
    """
    if folder.count("/") >= DEEPEST:
        raise too_deep(folder)
    found = [os.fsencode(TOP)] if folder == TOP else []
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    except (FileNotFoundError, NotADirectoryError):
        return found
    except PermissionError:
        raise _unreadable(folder) from None
    try:
        with os.scandir(number) as inside:
            for it in inside:
                path = it.name if folder == TOP else f"{folder}/{it.name}"
                if is_excluded(path, excludes):
                    continue
                require_short(path)
                found.append(os.fsencode(it.name))
                if it.is_dir(follow_symlinks=False):
                    found.append(os.fsencode(it.name) + b"/")
    finally:
        os.close(number)
    return sorted(found, reverse=True)


def _hashed(top: int, entry: Entry) -> Entry:
    """Return an entry with the digest of its content, of a file as long as it was seen."""
    if entry.type == LINK:
        target = os.fsencode(os.readlink(entry.path, dir_fd=top))
        return replace(entry, digest=hashlib.sha256(target).hexdigest())
    if entry.type != FILE:
        return entry
    # What has become a pipe meanwhile must not keep us waiting.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(entry.path, flags, dir_fd=top), "rb", buffering=0) as file:
        return replace(entry, digest=digest_of(_blocks(file, entry.size)))


def _blocks(file: IO[bytes], length: int) -> Iterator[bytes]:
    left = length
    while left > 0 and (block := file.read(min(BLOCK, left))):
        left -= len(block)
        yield block


def digest_of(blocks: Iterable[bytes]) -> str:
    """Return the digest of a content that comes in blocks."""
    digest = hashlib.sha256()
    for it in blocks:
        digest.update(it)
    return digest.hexdigest()


def require_short(path: str) -> None:
    """Refuse a path that no system opens.

    Raises:
        StateError: it, or a name in it, is too long.
    """
    key = os.fsencode(path)
    if len(key) > LONGEST_PATH or max(map(len, key.split(b"/"))) > LONGEST_NAME:
        raise StateError(
            "files.too_long",
            f"{path[:NAMED]}… has more than {LONGEST_PATH} bytes, or a name in it more than "
            f"{LONGEST_NAME}, and no system opens such a path; make it shorter, or leave it out",
        )


def too_deep(path: str) -> StateError:
    """Return what is said about a path of very many folders."""
    return StateError(
        "files.too_deep",
        f"{path[:NAMED]} lies below more than {DEEPEST} folders; leave it out, or move it up",
    )


def _unreadable(path: str) -> StateError:
    return StateError(
        "files.unreadable",
        f"{path} cannot be read by the owner of its folder; give it to the owner, or leave it out",
    )


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


def _entry(path: str, status: os.stat_result) -> Entry:
    mode = status.st_mode
    kinds = ((FILE, stat.S_ISREG), (FOLDER, stat.S_ISDIR), (LINK, stat.S_ISLNK))
    kind = next((name for name, is_kind in kinds if is_kind(mode)), "")
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
