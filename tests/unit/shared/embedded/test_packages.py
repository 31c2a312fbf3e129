"""What is missing from the distribution is named with the command that helps."""

import os
import sys
from pathlib import Path

import pytest

from shared import errors
from shared.embedded import packages
from shared.embedded.packages import Need


def test_a_program_that_is_there_needs_no_package() -> None:
    assert Need("sh", "dash").is_met
    assert not Need("no-such-program", "nothing").is_met


def test_a_program_with_libraries_is_not_a_static_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static = tmp_path / "static-program"
    static.write_bytes(b"\x7fELF")
    static.chmod(0o755)
    linked = tmp_path / "linked-program"
    linked.write_bytes(b"\x7fELF /lib64/ld-linux-x86-64.so.2")
    linked.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Need("static-program", "x", is_static=True).is_met
    assert not Need("linked-program", "x", is_static=True).is_met


def test_every_missing_package_is_in_one_command() -> None:
    needs = (Need("no-such-program", "one"), Need("sh", "dash"), Need("no-such-other", "two"))

    wanted = [it for it in packages.missing(needs) if it != "uidmap"]

    assert wanted == ["one", "two"]
    assert packages.command(wanted) == "apt-get install --no-install-recommends one two"


def test_who_may_not_install_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))

    with pytest.raises(errors.NotFoundError, match=r"as root, run: apt-get install .*caddy"):
        packages.ensure(lambda _: None)
