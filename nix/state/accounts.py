"""Accounts of the operating system: whose connection it is, whose files, whose program."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from failures import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HARMLESS: Final = ("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")
NAMES: Final = 1024
"""Numbers of accounts whose names are kept in mind."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody other than root, as whom root can act."""

    name: str
    user_id: int
    group_id: int


def get(name: str) -> Account | None:
    """Return an account to act as; None where nobody but ourselves can be acted as."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise StateError(
            "account.missing",
            f"this machine has no account {name}; activate the system that has the application",
        ) from None
    if entry.pw_uid == 0:
        raise StateError(
            "account.unsuited",
            f"{name} is root, as whom nothing of an application is read or written; name the "
            "application's own account",
        )
    return Account(name, entry.pw_uid, entry.pw_gid)


@lru_cache(NAMES)
def name_of(user_id: int) -> str:
    """Return the name of a user, or the number of one who has none."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


@contextmanager
def acting_as(account: Account | None) -> Iterator[None]:
    """Be an account for the length of a block: no more than it may, and a socket shows who it is.

    The real user stays root, so nobody else can look into this process meanwhile.
    """
    if account is None:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(account.group_id)
    os.seteuid(account.user_id)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def command(account: Account | None, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the words that start a program as an account; it never outlives us."""
    program = shutil.which("setpriv")
    if program is None:
        raise StateError(
            "program.missing", "setpriv is missing; the machine's image needs util-linux"
        )
    identity: tuple[str, ...] = ()
    if account is not None:
        ids = (f"--reuid={account.user_id}", f"--regid={account.group_id}")
        identity = (*ids, "--clear-groups", *HARMLESS)
    return (program, *identity, "--pdeathsig", "KILL", "--", *argv)


def environment(**added: str) -> dict[str, str]:
    """Return all that a program of ours gets to know of our environment."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {"PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", **added}


def own(path: Path, account: Account | None) -> None:
    """Make an account the owner of a folder or file of ours."""
    if account is not None:
        os.chown(path, account.user_id, account.group_id, follow_symlinks=False)


@lru_cache(NAMES)
def group_name_of(group_id: int) -> str:
    """Return the name of a group, or the number of one that has none."""
    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return str(group_id)
