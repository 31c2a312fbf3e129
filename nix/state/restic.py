"""The program restic: files become encrypted snapshots below the staging prefix, and files again.

Its password and its key are files in memory that only it can open; they stand in no list of
processes and in no environment.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import accounts
from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from request import StagingAccess
    from staging import Staging

FOLDER: Final = "files/"
HOST: Final = "fediversity"
SHOWN: Final = 600
INCOMPLETE: Final = 3
"""The status with which restic ends when it saved everything but some files."""
SPARING: Final = ("--no-cache", "--pack-size", "8", "-o", "s3.connections=2")
"""Half the memory, at some cost in time."""
CREDENTIALS: Final = "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
# What restic says, what it means here, and whether another try may help.
MEANINGS: Final = (
    (
        "wrong password",
        "files.password",
        "they were saved with another password: ask with that one, or export elsewhere",
        False,
    ),
    ("is there a repository", "files.missing", "the files are not there; export again", False),
    ("does not exist", "files.missing", "a part of the files is not there; export again", False),
    ("no space left", "space.missing", "make room on this machine's disk", False),
    ("connection refused", "staging.unreachable", "run the same again", True),
    ("timeout", "staging.unreachable", "run the same again", True),
    ("service unavailable", "staging.unreachable", "run the same again", True),
)
DAMAGED: Final = (
    "files.damaged",
    "what was saved is damaged, and nothing was changed by it; export again, or take another copy",
    False,
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of saving a folder."""

    snapshot: str
    sent_bytes: int


class Restic:
    """A repository of snapshots below the staging prefix."""

    def __init__(self, access: StagingAccess, password: str, scratch: Path) -> None:
        prefix = f"{access.prefix}/" if access.prefix else ""
        self._where = f"s3:{access.endpoint}/{access.bucket}/{prefix}{FOLDER.rstrip('/')}"
        self._region = access.region
        self._secrets = (
            password,
            CREDENTIALS.format(access.access_key_id, access.secret_key),
        )
        self._scratch = scratch

    def ensure(self, staging: Staging) -> None:
        """Make the repository, unless it is there."""
        there = staging.listed(FOLDER)
        if f"{FOLDER}config" in there:
            return
        for name in there:
            # Of an attempt that was cut off: its key would be tried, and fit nothing.
            if name.startswith(f"{FOLDER}keys/"):
                staging.remove(name)
        self._run(("init",))

    def save(
        self, top: Path, excluded: Sequence[str], report: Callable[[dict[str, Any]], None]
    ) -> Summary:
        """Save what is in a folder, except for some patterns below it."""
        patterns = [it for pattern in excluded for it in ("--exclude", f"{top}/{pattern}")]
        words = ("backup", "--json", "--host", HOST, *patterns, ".")
        summary: dict[str, Any] = {}
        for line in self._lines(words, top):
            said = json.loads(line)
            if said.get("message_type") == "summary":
                summary = said
            elif said.get("message_type") == "status":
                report(said)
        return Summary(str(summary["snapshot_id"]), int(summary["data_added"]))

    def listed(self, snapshot: str) -> tuple[str, list[dict[str, Any]]]:
        """Return the whole name of a snapshot and everything in it."""
        head, *nodes = (json.loads(it) for it in self._lines(("ls", "--json", snapshot), None))
        return str(head["id"]), nodes

    def content(self, snapshot: str, path: str, take: Callable[[IO[bytes]], str]) -> str:
        """Hand the content of one file to somebody, as it comes."""
        with self._started(("dump", "--no-lock", snapshot, path), None) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            return take(process.stdout)

    def restore(self, snapshot: str, target: Path) -> None:
        """Put what was saved into an empty folder."""
        self._run(("restore", "--no-lock", snapshot, "--target", str(target)))

    def _run(self, words: Sequence[str]) -> None:
        for _ in self._lines(words, None):
            pass

    def _lines(self, words: Sequence[str], folder: Path | None) -> Iterator[str]:
        """Yield what the program says, while it says it."""
        with self._started(words, folder) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield from (it.decode() for it in process.stdout if it.strip())

    @contextmanager
    def _started(
        self, words: Sequence[str], folder: Path | None
    ) -> Iterator[subprocess.Popen[bytes]]:
        program = shutil.which("restic")
        if program is None:
            raise StateError("program.missing", "restic is missing; the machine's image needs it")
        with (
            _in_memory(*self._secrets) as (password, key),
            (self._scratch / "said").open("w+b") as said,
        ):
            options = ("--repo", self._where, "--password-file", f"/proc/self/fd/{password}")
            argv = (program, *options, *SPARING, "-o", "s3.bucket-lookup=path", *words)
            with subprocess.Popen(  # noqa: S603 - our own argv, no shell
                accounts.command(None, argv),
                env=accounts.environment(
                    HOME=str(self._scratch),
                    TMPDIR=str(self._scratch),
                    AWS_SHARED_CREDENTIALS_FILE=f"/proc/self/fd/{key}",
                    AWS_DEFAULT_REGION=self._region,
                    # A small machine has little memory, and its store is near.
                    GOGC="10",
                ),
                cwd=folder or self._scratch,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                pass_fds=(password, key),
            ) as process:
                yield process
            said.seek(0)
            text = said.read().decode("utf-8", "replace")
            if process.returncode and not _is_only_about_gone(process.returncode, text):
                raise _meant(words[0], text)


@contextmanager
def _in_memory(*texts: str) -> Iterator[list[int]]:
    """Yield files that have no name and no place on a disk."""
    opened = []
    try:
        for text in texts:
            number = os.memfd_create("secret", os.MFD_CLOEXEC)
            opened.append(number)
            os.write(number, text.encode())
            os.lseek(number, 0, os.SEEK_SET)
        yield opened
    finally:
        for number in opened:
            os.close(number)


def _is_only_about_gone(status: int, said: str) -> bool:
    """Say whether all that failed is that files went away while the folder was saved."""
    errors = [json.loads(it)["error"] for it in said.splitlines() if it.startswith("{")]
    return status == INCOMPLETE and all(it.get("Err") == errno.ENOENT for it in errors)


def _meant(word: str, said: str) -> StateError:
    lowered = said.lower()
    code, advice, is_retryable = next(
        ((code, advice, again) for text, code, advice, again in MEANINGS if text in lowered),
        DAMAGED if word in {"restore", "ls", "dump"} else ("files.failed", "look at it", False),
    )
    return StateError(
        code, f"restic {word} failed: {said.strip()[-SHOWN:]}; {advice}", is_retryable=is_retryable
    )
