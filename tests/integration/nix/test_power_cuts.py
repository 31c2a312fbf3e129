"""What a machine keeps is on its disk before it is named, so no power cut leaves it empty.

The programs run with functions that write down what is synced, renamed and made, and then do it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import systems
from tests.support.servers import require

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN_DOWN = """
told() {{ echo "$@" >> '{calls}'; }}
{functions}
"""
FUNCTION = """{name}() {{ told {name} "$@"; command {name} "$@"; }}\n"""
WITH_LIBRARY = """#!/bin/busybox sh
set -eu
. "${0%/*}/../bin/library.sh"
eval "$1"
"""
BOOT = systems.BOOT_ID.read_text().strip()
EXPORT = "01k0000000000000000000000b"


class Machine:
    """Programs of a system in a folder of their own, and what they asked the disk for."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.kept = self.root / "var/lib/fediversity"
        self.kept.mkdir(parents=True)
        self._system = folder / "system"
        self._calls = folder / "calls"
        shutil.copytree(systems.PROGRAMS, self._system / "bin")
        (self._system / "deployment").write_text("one\n")
        (self._system / "users").write_text("app-thing\n")
        functions = "".join(FUNCTION.format(name=it) for it in ("sync", "mv", "mkdir", "cp"))
        program = self._system / "bin/with-library"
        program.write_text(WITH_LIBRARY)
        program.chmod(0o755)
        with (self._system / "bin/library.sh").open("a") as library:
            library.write(WRITTEN_DOWN.format(calls=self._calls, functions=functions))

    def run(self, program: str, *arguments: str) -> list[str]:
        """Return what one run of a program asked for, with the names of files alone."""
        self._calls.write_text("")
        environment = os.environ | {"FEDIVERSITY_ROOT": str(self.root)}
        argv = (str(self._system / "bin" / program), *arguments)
        done = subprocess.run(argv, env=environment, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        lines = self._calls.read_text().splitlines()
        return [" ".join(it.rpartition("/")[2] for it in line.split()) for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    require("busybox", "busybox-static")
    return Machine(tmp_path)


def test_an_epoch_is_on_the_disk_before_it_has_its_name_and_after(machine: Machine) -> None:
    calls = machine.run("place-permit", "2", BOOT)

    first = calls.index("sync epoch.new")
    assert calls[first + 1 : first + 3] == ["mv -f epoch.new epoch", "sync fediversity"]
    assert (machine.kept / "epoch").read_text() == "2\n"
    # What is only in memory waits for no disk; and nothing is written again.
    assert [it for it in calls if it.startswith("sync")] == ["sync epoch.new", "sync fediversity"]
    assert "sync" not in " ".join(machine.run("place-permit", "2", BOOT))


def set_aside(machine: Machine, mark: str = "") -> list[str]:
    home = machine.root / "var/lib/applications/thing"
    home.mkdir(parents=True)
    # The owner of what this computer has no account for.
    (machine.root / "etc").mkdir()
    ids = f"{os.geteuid()}:{os.getegid()}"
    (machine.root / "etc/passwd").write_text(f"app-thing:x:{ids}::/:/bin/false\n")
    if mark:
        place = machine.kept / "state/thing/importing.json"
        place.parent.mkdir(parents=True)
        place.write_text(mark)
    return machine.run("state-folder", "set-aside", "thing", EXPORT)


def test_a_folder_is_called_imported_when_all_of_it_is_on_the_disk(machine: Machine) -> None:
    set_aside(machine)

    calls = machine.run("state-folder", "imported", "thing", EXPORT)

    first = calls.index("sync")
    assert calls[first : first + 3] == ["sync", "mkdir -p imported", f"sync {EXPORT}"]
    # After a kill it may be there and not on the disk.
    assert machine.run("state-folder", "imported", "thing", EXPORT)[-1] == f"sync {EXPORT}"


def test_a_mark_goes_with_its_folder_as_a_whole(machine: Machine) -> None:
    there = set_aside(machine, "of the old folder")
    back = machine.run("state-folder", "put-back", "thing", EXPORT)

    for calls, name in ((there, "mark"), (back, "importing.json")):
        [copied] = [number for number, it in enumerate(calls) if it.startswith("cp ")]
        assert calls[copied + 1] == f"sync {name}"
        assert calls[copied + 2].startswith("mv -T ")
    assert (machine.kept / "state/thing/importing.json").read_text() == "of the old folder"


def test_the_way_back_of_a_switch_is_on_the_disk_before_it_has_its_name(machine: Machine) -> None:
    library = machine.run("with-library", f"echo old | replace '{machine.kept}/old'")
    memory = machine.run("with-library", 'mkdir -p "$run"; echo 1 | replace "$run/result"')

    assert library == ["sync old.new", "mv -f old.new old"]
    assert memory[-1] == "mv -f result.new result"
    assert "sync" not in " ".join(memory)


def test_what_could_not_be_written_replaces_nothing(machine: Machine) -> None:
    (machine.kept / "old").write_text("before\n")
    (machine.kept / "old.new").symlink_to("/dev/full")

    script = f"echo now | replace '{machine.kept}/old' || echo refused"
    assert not [it for it in machine.run("with-library", script) if it.startswith("mv")]
    assert (machine.kept / "old").read_text() == "before\n"
