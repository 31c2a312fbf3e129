"""Lists of what is in a folder: written as chunks, and read by somebody who does not trust them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import zip_longest
from typing import IO, TYPE_CHECKING, Final

import chunks
import trees
from failures import StateError
from fields import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import manifest
    from staging import Staging
    from trees import Entry

LONGEST_LINE: Final = 32 * 2**10
"""JSON takes at most six letters for a byte of a path."""
MOST_ENTRIES: Final = 10**6
"""In one folder; an export keeps all of them in mind."""
NAMES: Final = ("path", "type", "mode", "size", "changed_ns", "digest", "owner", "group")
PATH: Final = r"(?s)(?!/)(?!(.*/)?\.\.?(/|\Z))(?!.*//)[^\x00]+(?<!/)"
OWNER: Final = r"[^\x00-\x1f\x7f\ud800-\udfff]{1,256}"
TYPES: Final = f"{trees.FILE}|{trees.FOLDER}|{trees.LINK}"


def written(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield all lines, in pieces of about the size of a chunk."""
    lines: list[bytes] = []
    length = 0
    for it in entries:
        lines.append(it.full_line.encode())
        length += len(lines[-1])
        if length >= chunks.SIZE:
            yield b"".join(lines)
            lines, length = [], 0
    yield b"".join(lines)


def fetch(staging: Staging, wanted: manifest.Tree, file: IO[bytes]) -> None:
    """Put a list of files into a file of ours, when it is one and the one that was exported.

    The file becomes as long as all chunks of the list together.

    Raises:
        StateError: it is not, or what it lists cannot be below one folder.
    """
    summary = trees.Summary()
    claimed = wanted.files + wanted.folders + wanted.links + 1
    lines = chunks.lines(chunks.contents(staging, wanted.listing), LONGEST_LINE)
    for line, entry in _checked(lines, claimed):
        # Whose it was counts for nothing here, and anybody may be named.
        summary.add(replace(entry, owner=""))
        file.write(line)
    file.flush()
    numbers = (summary.files, summary.folders, summary.links, summary.bytes, summary.fingerprint)
    if numbers != (wanted.files, wanted.folders, wanted.links, wanted.bytes, wanted.fingerprint):
        raise damaged("it lists something else than the manifest says")


def read(file: IO[bytes]) -> Iterator[Entry]:
    """Yield what a list that was checked lists, from its beginning."""
    file.seek(0)
    for line in file:
        yield trees.Entry(*json.loads(line))


def _checked(lines: Iterable[bytes], claimed: int) -> Iterator[tuple[bytes, Entry]]:
    before = b""
    has_top = False
    folders = _Folders()
    for number, line in enumerate(lines):
        if number >= min(claimed, MOST_ENTRIES + 1):
            raise damaged("it is longer than the manifest says, or than a million")
        entry = parsed(line, f"line {number}")
        key = os.fsencode(entry.path)
        if key <= before:
            raise damaged(f"line {number} is not in order")
        if not folders.have(key):
            raise damaged(f"line {number} lies below something that is no folder")
        if entry.type == trees.FOLDER:
            folders.add(key)
        before = key
        yield line, entry
        has_top = has_top or entry.path == trees.TOP
    if not has_top:
        raise damaged("it does not list the folder itself")


class _Folders:
    """Folders in which something may still be listed: no more than a path has letters.

    In a list that is in order, what a folder is followed by begins with its path until all in it
    is listed: `a`, `a-b`, `a/c`.
    """

    def __init__(self) -> None:
        self._paths: list[bytes] = []

    def have(self, path: bytes) -> bool:
        """Say whether what a path lies in was listed; paths come in order."""
        while self._paths and not path.startswith(self._paths[-1]):
            self._paths.pop()
        above = path.rpartition(b"/")[0]
        return not above or above in self._paths

    def add(self, path: bytes) -> None:
        """Take one that was listed just now."""
        self._paths.append(path)


def parsed(line: bytes, place: str) -> Entry:
    """Return what one line lists.

    Raises:
        StateError: it is no line, or what it lists does not belong below a folder.
    """
    mistakes: list[str] = []
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(NAMES):
        raise damaged(f"{place} is none")
    fields = Fields(dict(zip(NAMES, values, strict=True)), place, mistakes)
    path = values[0] if values[0] == trees.TOP else fields.path("path", PATH)
    entry = trees.Entry(
        path=path,
        type=fields.text("type", TYPES if path != trees.TOP else trees.FOLDER),
        mode=fields.number("mode", most=trees.FOLDER_MODE),
        size=fields.number("size"),
        changed_ns=fields.signed("changed_ns"),
        digest=fields.text("digest", r"([0-9a-f]{64})?", default=""),
        owner=fields.text("owner", OWNER, default=""),
        group=fields.text("group", OWNER, default=""),
    )
    if mistakes:
        raise damaged(mistakes[0])
    if entry.mode != trees.carried_mode(entry.type, entry.mode):
        raise damaged(f"{place}.mode: gives rights that are not carried")
    trees.require_short(path)
    if path.count("/") > trees.DEEPEST:
        raise trees.too_deep(path)
    return entry


def damaged(what: str) -> StateError:
    """Return what is said of a list that is none."""
    return StateError("manifest.damaged", f"a list of files is damaged ({what}); export again")


def different(
    wanted: Iterable[Entry], found: Iterable[Entry], report: Callable[[int], None]
) -> list[str]:
    """Return some names of what is not the same in two lists, both in their order."""
    names: dict[str, None] = {}
    for number, pair in enumerate(zip_longest(wanted, found)):
        report(number)
        before, after = pair
        if before is None or after is None or before.line != after.line:
            names.update({it.path[: trees.NAMED]: None for it in pair if it is not None})
        if len(names) > trees.FEW:
            break
    return sorted(names)
