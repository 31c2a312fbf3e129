"""The visitors' book: one object per entry, the newest first."""

from __future__ import annotations

import json
import os
import time

from store import StoreError

TYPE_CHECKING = False  # the module `typing` starts slowly
if TYPE_CHECKING:
    from store import Bucket

NAME_LIMIT = 60
TEXT_LIMIT = 500
SHOWN = 50
PREFIX = "entries/"
# Names count down, because a bucket lists them in rising order.
LATEST = 10**13

Entry = dict[str, str]


class RefusedError(Exception):
    """An entry is not one that the book takes."""


class ClosedBook:
    """The operator wants no visitors' book."""

    is_open = False

    def check(self) -> None:
        """Find nothing wrong."""

    def entries(self) -> list[Entry]:
        """Return no entries."""
        return []

    def sign(self, name: str, text: str) -> Entry:
        """Refuse.

        Raises:
            RefusedError: always.
        """
        raise RefusedError(f"there is no visitors' book to sign for {name!r}: {text!r}")


class VisitorsBook:
    """Entries in a bucket."""

    is_open = True

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        # An entry never changes, so that reading it once is enough.
        self._read: dict[str, Entry] = {}

    def check(self) -> None:
        """Make sure that the bucket answers to our key.

        Raises:
            StoreError: it does not.
        """
        self._bucket.first(PREFIX, 1)

    def entries(self) -> list[Entry]:
        """Return the newest entries.

        Raises:
            StoreError: they cannot be read.
        """
        names = self._bucket.first(PREFIX, SHOWN)
        found = {name: self._read.get(name) or self._entry(name) for name in names}
        self._read = found
        return list(found.values())

    def sign(self, name: str, text: str) -> Entry:
        """Write an entry.

        Raises:
            RefusedError: it is empty or too long.
            StoreError: it is not known to be written.
        """
        name, text = name.strip(), text.strip()
        if not 0 < len(name) <= NAME_LIMIT or not 0 < len(text) <= TEXT_LIMIT:
            raise RefusedError(
                f"a name has 1 to {NAME_LIMIT} characters, a message 1 to {TEXT_LIMIT}"
            )
        try:
            (name + text).encode()
        except UnicodeEncodeError as error:  # half a character, which JSON can carry
            raise RefusedError("there is something in it that is not text") from error
        now = time.time()
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        entry = {"name": name, "text": text, "at": at}
        place = f"{PREFIX}{LATEST - int(now * 1000):013d}-{os.urandom(4).hex()}.json"
        self._bucket.put(place, json.dumps(entry).encode())
        return entry

    def _entry(self, name: str) -> Entry:
        try:
            found = json.loads(self._bucket.get(name))
            return {field: _printable(str(found[field])) for field in ("name", "text", "at")}
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{name} is not an entry") from error


def _printable(text: str) -> str:
    """Return a text that can be sent, whoever wrote it into the bucket."""
    return text.encode("utf-8", "replace").decode()
