"""Make `.venv` from requirements.lock: pinned, checked by hash, remade when it is not whole.

Runs before anything is installed, so it needs the standard library only. A stamp in the environment
says that it is complete and for which lock; a file lock keeps two runs apart. The user's pip
configuration decides the index.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENT: Final = ROOT / ".venv"
STAMP: Final = ENVIRONMENT / "complete"
LOCKED: Final = ROOT / "requirements.lock"
OLDEST: Final = (3, 11)
ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 5.0
APT: Final = ("apt-get", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300", "-qq")


def main() -> None:
    """Leave a complete environment behind, or say in one message what to do."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"python3 is {sys.version.split()[0]}, this needs 3.11 or later: "
            "install one and name it, as in `make PYTHON=python3.11 …`"
        )
    with alone():
        wanted = digest()
        if not is_complete(wanted):
            install(wanted)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep other runs in this checkout waiting until this one and its children are gone."""
    with (ROOT / ".bootstrap.lock").open("w") as file:
        # A pip that outlives a killed run would go on writing: it holds the lock as well.
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - the standard library's signature
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is setting up .venv: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digest() -> str:
    """Return what the environment depends on: the lock, our packaging, interpreter and place."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = {
        "lock": LOCKED.read_text(),
        "packaging": [project["build-system"], project["project"], project["tool"]["setuptools"]],
        "interpreter": sys.version,
        "place": str(ROOT),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_complete(wanted: str) -> bool:
    """Say whether the environment was finished for exactly this state of the checkout."""
    with contextlib.suppress(OSError):
        return STAMP.read_text() == wanted and (ENVIRONMENT / "bin" / "python").exists()
    return False


def install(wanted: str) -> None:
    """Bring the environment up to date; one that was never finished is made anew."""
    say("setting up .venv from requirements.lock")
    pip = (str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
    if not STAMP.exists() or not works(pip):
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        need_venv()
        run((sys.executable, "-m", "venv", str(ENVIRONMENT)))
    STAMP.unlink(missing_ok=True)
    quiet = ("install", "--quiet", "--no-input", "--no-deps")
    run((*pip, *quiet, "--require-hashes", "--requirement", str(LOCKED)), attempts=ATTEMPTS)
    silent = {"PYTHONWARNINGS": "ignore"}
    run((*pip, *quiet, "--no-build-isolation", "--editable", str(ROOT)), extra=silent)
    half = STAMP.with_suffix(".half")
    half.write_text(wanted)
    half.replace(STAMP)


def need_venv() -> None:
    """Install what the distribution splits off from Python, or name the command that does."""
    probe = (sys.executable, "-c", "import ensurepip, venv")
    if works(probe):
        return
    command = "apt-get install python3-venv"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"python3 lacks its venv module: {command}")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run((*APT, "update"), attempts=ATTEMPTS, extra=quiet)
        packages = ("install", "--yes", "--no-install-recommends", "python3-venv")
        run((*APT, *packages), attempts=ATTEMPTS, extra=quiet)
    if not works(probe):
        sys.exit(f"{sys.executable} has no venv module: run `sudo {command}`, then this again")


def works(argv: Sequence[str]) -> bool:
    """Say whether a command can be started and ends well."""
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0  # noqa: S603 - our own argv
    except OSError:
        return False


def run(argv: Sequence[str], *, attempts: int = 1, extra: Mapping[str, str] | None = None) -> None:
    """Run a command, again after a pause when it fails, and give up with one message."""
    for attempt in range(1, attempts + 1):
        status = subprocess.run(  # noqa: S603 - our own argv
            argv,
            cwd=ROOT,
            env=os.environ | (extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            close_fds=False,
            check=False,
        ).returncode
        if status == 0:
            return
        if attempt < attempts:
            say(f"attempt {attempt} of {attempts} failed, trying again in {PAUSE_SECONDS:.0f} s")
            time.sleep(PAUSE_SECONDS)
    sys.exit(f"`{' '.join(argv)}` failed with status {status}: see above; run this again after it")


def say(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(f"set-up: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
