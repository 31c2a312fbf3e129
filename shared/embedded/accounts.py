"""The account under which a server runs that must not be root, and what it can reach."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from shared import errors

from . import files

if TYPE_CHECKING:
    from pathlib import Path

CANDIDATES: Final = ("postgres", "nobody")
Account = tuple[int, int]


def unprivileged() -> Account | None:
    """Return user and group of an account that is not root, or None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise errors.NotFoundError(
        "account.missing",
        "PostgreSQL and Caddy must not run as root, and there is neither an account postgres "
        "nor nobody; run: useradd --system postgres",
    )


def can_reach(path: Path, account: Account | None) -> bool:
    """Say whether the account gets to this path; asked from the kernel, not computed."""
    if account is None:
        return os.access(path, os.R_OK | os.X_OK)
    return (
        subprocess.run(  # noqa: S603 - our own argv, no shell
            ["/usr/bin/test", "-r", str(path), "-a", "-x", str(path)],
            cwd="/",
            user=account[0],
            group=account[1],
            extra_groups=[],
            check=False,
        ).returncode
        == 0
    )


def require_reach(directory: Path, account: Account | None) -> None:
    """Refuse a directory that the account cannot get to, and say what to do."""
    probe = directory / "reach"
    remove(probe)
    own_directory(probe, account)
    try:
        if not can_reach(probe, account):
            raise errors.InvalidError(
                "directory.unreachable",
                f"a server must not run as root, and the account it runs as cannot reach "
                f"{directory}; choose another data directory, for example "
                f"--data /var/lib/fediversity",
            )
    finally:
        probe.rmdir()


def reachable_programs(installation: Path, cache: Path, account: Account | None) -> Path:
    """Return the installation, or a copy of it when the account cannot reach the original."""
    if can_reach(installation / "bin" / "initdb", account):
        return installation
    libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
    place = cache / f"postgresql-{int((installation / 'bin' / 'postgres').stat().st_mtime)}"
    copied = place / installation.parent.name / installation.name
    if not copied.exists():
        files.directory(cache)
        aside = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copytree(libraries, aside / libraries.name)
        shutil.copytree(installation, aside / installation.parent.name / installation.name)
        _open_for_all(aside)
        _put(aside, place)
    require_reach(cache, account)
    return copied


def _put(aside: Path, place: Path) -> None:
    """Rename a finished copy to its place, unless another process was faster."""
    try:
        aside.rename(place)
    except OSError:
        shutil.rmtree(aside)


def _open_for_all(tree: Path) -> None:
    """Make a copy readable for every account; it holds programs only."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def own_directory(path: Path, account: Account | None) -> None:
    """Make an empty directory that belongs to the account alone."""
    path.mkdir(mode=0o700)
    give(path, account)


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner of a path."""
    if account is not None:
        os.chown(path, *account)


def give_tree(top: Path, account: Account | None) -> None:
    """Make the account the owner of a directory that was ours, and of everything in it."""
    if account is None or top.stat().st_uid == account[0]:
        return
    # From below: whoever owns the top could put other files there while we go on.
    for path in (*top.rglob("*"), top):
        os.chown(path, *account, follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove a tree, if it is there."""
    if path.exists():
        shutil.rmtree(path)
