"""What this program keeps on the machine: a lock, the mark of an unfinished import, loose files.

Only root gets in, and it lies on the same disk as the applications, so that a folder that is
complete can be put into its place in one step.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SHARE: Final = 10
"""What a verification restored is kept when it takes one part in so many of what is free."""


class WorkFolder:
    """The place of one application."""

    def __init__(self, folder: Path, application: str) -> None:
        self._place = folder / application
        self.scratch = self._place / "scratch"
        """Emptied whenever somebody begins."""
        self._verified = self._place / "verified"
        self._kept = self.scratch / "verified"
        self._mark = self._place / "importing.json"

    @property
    def existing(self) -> Path:
        """The nearest folder that is there."""
        return next(it for it in (self._place, *self._place.parents) if it.exists())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out for the length of a block."""
        try:
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                "folder.unusable",
                f"{self._place} cannot be made: {error.strerror}; run as root, or name a folder",
            ) from error
        with (self._place / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StateError(
                    "application.busy",
                    f"the state of {self._place.name} is being exported or imported right now; "
                    "wait until that is done",
                    is_retryable=True,
                ) from None
            self._begin()
            try:
                yield
            finally:
                shutil.rmtree(self.scratch, ignore_errors=True)

    def may_keep(self, size: int) -> bool:
        """Say whether it does no harm when so much stays for a while."""
        return size * SHARE <= shutil.disk_usage(self.scratch).free

    def keep(self, manifest: str, trees: Mapping[str, Path]) -> None:
        """Leave folders that were verified to the next run, whatever that is; or nothing."""
        shutil.rmtree(self._kept, ignore_errors=True)
        # It only saves time, so it is no reason to fail.
        with suppress(OSError):
            self._kept.mkdir(mode=0o700)
            for name, it in trees.items():
                it.rename(self._kept / name)
            (self._kept / "manifest").write_text(manifest, encoding="ascii")
            self._kept.rename(self._verified)

    def kept(self, manifest: str, name: str) -> Path | None:
        """Return a folder that the last run left, if it was of this manifest."""
        try:
            before = (self._kept / "manifest").read_text(encoding="ascii")
        except OSError:
            return None
        return self._kept / name if before == manifest else None

    def mark(self, export: str, names: Sequence[str]) -> None:
        """Say that these paths are of an import that is not finished."""
        fresh = self._mark.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump({"export": export, "paths": [*names]}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._mark)
        self._persist()

    def find_mark(self) -> tuple[str, frozenset[str]] | None:
        """Return which import is not finished, and which paths are its own."""
        try:
            found = json.loads(self._mark.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return str(found["export"]), frozenset(found["paths"])

    def unmark(self) -> None:
        """Say that the import is finished."""
        self._mark.unlink(missing_ok=True)
        self._persist()

    def _begin(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(mode=0o700)
        # It goes with everything else, unless this run is what it was kept for.
        with suppress(OSError):
            self._verified.rename(self._kept)

    def _persist(self) -> None:
        number = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
