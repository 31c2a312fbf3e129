"""The program restic: files become encrypted snapshots below the staging prefix, and files again.

It reads what somebody else wrote, so it runs as the owner of the folder and has no other rights.
Its password and its key are files in memory that only it can open; they stand in no list of
processes and in no environment. The application, which is the same account, cannot look into it
either: it is run from a file that the account may run and not read (a copy, where the image has no
such file), and the kernel shows nothing of such processes. That holds for a program that is started
without any rights, hence not by `setpriv` as root, which keeps them until the end.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import accounts
import places
from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from accounts import Account
    from request import StagingAccess
    from staging import Staging

FOLDER: Final = "files/"
HOST: Final = "fediversity"
SHOWN: Final = 600
MOST_SAID: Final = 2**20
"""Of its complaints; more is read of nothing."""
LONGEST_LINE: Final = 2**20
LARGEST_FILE: Final = 2 * 2**30
"""That it may write while it restores nothing."""
LEFT_OVER: Final = 32 * 2**20
FILES_LEFT_OVER: Final = 1024
"""Of the disk, which other applications need."""
POLL_SECONDS: Final = 0.1
EXPENDABLE: Final = "500"
"""When memory is short, rather this program ends than a server of the machine."""
INCOMPLETE: Final = 3
"""The status with which restic ends when it saved everything but some files."""
SPARING: Final = (
    *("--no-cache", "--pack-size", "8", "-o", "s3.connections=2"),
    *("-o", "s3.bucket-lookup=path"),
)
"""Half the memory, at some cost in time."""
OTHERS: Final = 0o077
RUN_ALONE: Final = 0o011
ALONE: Final = ("--no-new-privs", "--pdeathsig", "KILL", "--")
"""Without us it ends, and nothing that it runs has other rights."""
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
    ("file name too long", "files.too_long", "make the path shorter, then export again", False),
    ("connection refused", "staging.unreachable", "run the same again", True),
    ("timeout", "staging.unreachable", "run the same again", True),
    ("service unavailable", "staging.unreachable", "run the same again", True),
    ("out of memory", "memory.missing", "run the same again when there is more", True),
    ("cannot allocate memory", "memory.missing", "run the same again when there is more", True),
    ("permission denied", "files.unreadable", "give every file to its folder's owner", False),
)
KILLED: Final = (
    "restic {} was ended by signal {}, as happens when memory is short; nothing was changed by it: "
    "run the same again"
)
DAMAGED: Final = (
    "files.damaged",
    "what was saved is damaged, and nothing was changed by it; export again, or take another copy",
    False,
)


class Restic:
    """A repository of snapshots below the staging prefix."""

    def __init__(
        self, access: StagingAccess, password: str, scratch: Path, account: Account | None = None
    ) -> None:
        prefix = f"{access.prefix}/" if access.prefix else ""
        self._where = f"s3:{access.endpoint}/{access.bucket}/{prefix}{FOLDER.rstrip('/')}"
        self._access = access
        self._password = password
        self._scratch = scratch
        self._account = account

    def acting_as(self, account: Account | None) -> Restic:
        """Return the same repository, used by an account."""
        return Restic(self._access, self._password, self._scratch, account)

    def ensure(self, staging: Staging) -> None:
        """Make the repository, unless it is there."""
        there = staging.listed(FOLDER)
        if f"{FOLDER}config" in there:
            return
        for name in there:
            # Of an attempt that was cut off: its key would be tried, and fit nothing.
            if name.startswith(f"{FOLDER}keys/"):
                staging.remove(name)
        for _ in self._lines(("init",)):
            pass

    def save(
        self,
        folder: tuple[int, Path],
        excluded: Sequence[str],
        report: Callable[[dict[str, Any]], None],
    ) -> str:
        """Save what is in an open folder, except for some patterns below it; name the snapshot."""
        top, path = folder
        patterns = [it for pattern in excluded for it in ("--exclude", f"{path}/{pattern}")]
        words = ("backup", "--json", "--host", HOST, *patterns, ".")
        summary: dict[str, Any] = {}
        for line in self._lines(words, top):
            said = json.loads(line)
            if said.get("message_type") == "summary":
                summary = said
            elif said.get("message_type") == "status":
                report(said)
        return str(summary["snapshot_id"])

    def listed(self, snapshot: str) -> Generator[dict[str, Any], None, None]:
        """Yield what is said of a snapshot, and then everything in it.

        Raises:
            StateError: it cannot be read.
        """
        for line in self._lines(("ls", "--no-lock", "--json", snapshot)):
            try:
                said = json.loads(line)
            except (ValueError, RecursionError):
                said = None
            if not isinstance(said, dict):
                raise _meant("ls", "it says something that is no list")
            yield said

    def content(self, snapshot: str, path: str, take: Callable[[IO[bytes]], str]) -> str:
        """Hand the content of one file to somebody, as it comes."""
        with self._started(("dump", "--no-lock", snapshot, path)) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            return take(process.stdout)

    def restore(self, snapshot: str, target: int, largest: int) -> None:
        """Put what was saved into an open folder that is empty; no file is larger than this.

        Raises:
            StateError: it cannot be read, or is more than the disk holds.
        """
        words = ("restore", "--no-lock", "--quiet", snapshot, "--target", places.through(target))
        with self._started(words, target, largest) as process:
            while process.poll() is None:
                if _is_full(self._scratch):
                    process.kill()
                    raise StateError(
                        "space.missing",
                        "the disk is full before all files are there; make room, or do not trust "
                        "an export whose files are larger than it says",
                    )
                # Nothing tells that a disk fills: a look now and then does.
                time.sleep(POLL_SECONDS)

    def _lines(self, words: Sequence[str], folder: int | None = None) -> Iterator[bytes]:
        """Yield what the program says, while it says it."""
        with self._started(words, folder) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            while line := process.stdout.readline(LONGEST_LINE):
                if line.strip():
                    yield line

    @contextmanager
    def _started(
        self, words: Sequence[str], folder: int | None = None, largest: int = LARGEST_FILE
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run the program beside a block, in an open folder."""
        with ExitStack() as stack:
            said = stack.enter_context((self._scratch / "said").open("w+b"))
            with _no_file_above(max(largest, MOST_SAID)):
                process = stack.enter_context(self._process(words, folder, said, stack))
            with suppress(OSError):
                Path(f"/proc/{process.pid}/oom_score_adj").write_text(EXPENDABLE, encoding="ascii")
            try:
                yield process
            except BaseException:
                process.kill()
                raise
            status = process.wait()
            said.seek(0)
            text = said.read(MOST_SAID).decode("utf-8", "replace")
            if status < 0:
                raise StateError(
                    "memory.missing", KILLED.format(words[0], -status), is_retryable=True
                )
            if status and not _is_only_about_gone(status, text):
                raise _meant(words[0], text)

    def _process(
        self, words: Sequence[str], folder: int | None, said: IO[bytes], stack: ExitStack
    ) -> subprocess.Popen[bytes]:
        key = CREDENTIALS.format(self._access.access_key_id, self._access.secret_key)
        password, credentials = stack.enter_context(_in_memory(self._password, key))
        home = stack.enter_context(_opened(self._home()))
        # Nothing between us and it can be looked into either, so also what starts it is a copy.
        starter, program = (
            stack.enter_context(_opened(self._program(it))) for it in ("setpriv", "restic")
        )
        argv = (
            *(places.through(starter), *ALONE, places.through(program), "--repo", self._where),
            *("--password-file", places.through(password), *SPARING, *words),
        )
        inherited = (password, credentials, starter, program, home)
        account = self._account
        return subprocess.Popen(  # noqa: S603 - our own argv, no shell
            argv,
            env=accounts.environment(
                HOME=places.through(home),
                TMPDIR=places.through(home),
                AWS_SHARED_CREDENTIALS_FILE=places.through(credentials),
                AWS_DEFAULT_REGION=self._access.region,
                # A small machine has little memory, and its store is near.
                GOGC="10",
            ),
            cwd=places.through(home if folder is None else folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            pass_fds=(*inherited, *([] if folder is None else [folder])),
            user=account.user_id if account else None,
            group=account.group_id if account else None,
            extra_groups=[] if account else None,
        )

    def _program(self, name: str) -> Path:
        """Return a program, as a file that the account may run and not read."""
        found = shutil.which(name)
        if found is None:
            raise StateError("program.missing", f"{name} is missing; the machine's image needs it")
        if self._account is None:
            assert os.geteuid() != 0, "root restores and saves nothing"  # noqa: S101 - never so
            return Path(found)
        if _is_closed(found):
            return Path(found)
        copy = self._scratch / name
        if not copy.exists():
            fresh = self._scratch / f"{name}.new"
            shutil.copyfile(found, fresh)
            fresh.chmod(0o711)
            fresh.rename(copy)
        return copy

    def _home(self) -> Path:
        """Return a folder of the account for what is only there for a moment."""
        account = self._account
        home = self._scratch / f"home-{account.name if account else ''}"
        if not home.exists():
            home.mkdir(mode=0o700)
            accounts.own(home, account)
        return home


@contextmanager
def _no_file_above(size: int) -> Iterator[None]:
    """Let programs that are started in a block write no file that is larger than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = before[1]
    soft = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    number = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield number
    finally:
        os.close(number)


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


def _is_closed(program: str) -> bool:
    """Say whether only root may read or change a program, and everybody may run it."""
    status = Path(program).stat()
    return status.st_uid == 0 and status.st_mode & OTHERS == RUN_ALONE


def _is_full(place: Path) -> bool:
    """Say whether a disk has little room left, or room for few files."""
    disk = os.statvfs(place)
    # Some file systems have no limit to files, and say zero.
    has_files = not disk.f_files or disk.f_favail >= FILES_LEFT_OVER
    return disk.f_bavail * disk.f_frsize < LEFT_OVER or not has_files


def _is_only_about_gone(status: int, said: str) -> bool:
    """Say whether all that failed is that files went away while the folder was saved."""
    if status != INCOMPLETE or len(said) >= MOST_SAID:
        return False
    errors = [json.loads(it) for it in said.splitlines() if it.startswith("{")]
    # What it cannot count beforehand, for its progress, it may save all the same.
    failed = [it["error"] for it in errors if it.get("during") != "scan"]
    return all(it.get("Err") == errno.ENOENT for it in failed)


def _meant(word: str, said: str) -> StateError:
    lowered = said.lower()
    code, advice, is_retryable = next(
        ((code, advice, again) for text, code, advice, again in MEANINGS if text in lowered),
        DAMAGED if word in {"restore", "ls", "dump"} else ("files.failed", "look at it", False),
    )
    return StateError(
        code, f"restic {word} failed: {said.strip()[-SHOWN:]}; {advice}", is_retryable=is_retryable
    )
