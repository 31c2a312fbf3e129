"""The program `state-folder`: a folder beside its successor, and one of the two in the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import systems

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.systems import System

FOREVER = "while :; do sleep 1; done"
UNSETTLED = 3
RUNNING = 4
EXPORT = "01k0000000000000000000000b"
OTHER = "01k0000000000000000000000c"


@pytest.fixture(name="system")
def system_with_state(root: Path) -> System:
    """Return a system whose application has state and does not run."""
    system = systems.built(root, {"one": FOREVER})
    system.permit()
    assert system.run("switch-to-configuration", "test").returncode == 0
    assert system.run("units", "stop").returncode == 0
    (home(system) / "rows").write_text("old")
    return system


def home(system: System) -> Path:
    return system.file("var/lib/applications/thing")


def aside(system: System) -> Path:
    return system.file("var/lib/fediversity/aside")


def mark(system: System) -> Path:
    return system.file("var/lib/fediversity/state/thing/importing.json")


def done(system: System, verb: str, export: str = EXPORT) -> str:
    found = system.run("state-folder", verb, "thing", export)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def contents(folder: Path) -> dict[str, str]:
    return {it.name: it.read_text() for it in folder.iterdir()} if folder.exists() else {}


def test_a_folder_is_set_aside_for_an_empty_one(system: System) -> None:
    before = home(system).stat()

    assert done(system, "set-aside") == "aside"
    (home(system) / "rows").write_text("new")
    assert done(system, "set-aside") == "aside"

    assert contents(home(system)) == {"rows": "new"}
    assert home(system).stat().st_mode == before.st_mode
    assert home(system).stat().st_uid == before.st_uid
    assert aside(system).stat().st_mode & 0o777 == 0o700


def test_what_is_put_back_is_what_was_there(system: System) -> None:
    done(system, "set-aside")
    (home(system) / "rows").write_text("new")
    done(system, "imported")

    assert done(system, "put-back") == "none"
    assert done(system, "put-back") == "none"

    assert contents(home(system)) == {"rows": "old"}
    assert list(aside(system).iterdir()) == []


def test_what_is_dropped_is_what_was_there(system: System) -> None:
    done(system, "set-aside")
    (home(system) / "rows").write_text("new")

    assert done(system, "imported") == "imported"
    assert done(system, "status") == "imported"
    assert done(system, "drop") == "none"
    assert done(system, "put-back") == "none"

    assert contents(home(system)) == {"rows": "new"}
    assert list(aside(system).iterdir()) == []


def test_an_application_without_a_folder_gets_an_empty_one_both_times(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    system.run("switch-to-configuration", "test")

    assert done(system, "set-aside") == "aside"
    (home(system) / "rows").write_text("new")
    done(system, "put-back")

    assert contents(home(system)) == {}


def test_the_mark_of_an_unfinished_import_goes_with_its_folder(system: System) -> None:
    mark(system).parent.mkdir(parents=True)
    mark(system).write_text("of the old folder")

    done(system, "set-aside")
    assert not mark(system).exists()
    mark(system).write_text("of the new folder")
    done(system, "put-back")
    assert mark(system).read_text() == "of the old folder"

    mark(system).unlink()
    done(system, "set-aside")
    mark(system).write_text("of the new folder")
    done(system, "put-back")
    assert not mark(system).exists()


@pytest.mark.parametrize("verb", ["put-back", "drop"])
def test_what_waited_for_an_import_goes_when_that_is_settled(system: System, verb: str) -> None:
    waiting = mark(system).parent / "verified" / "tree"
    waiting.mkdir(parents=True)
    done(system, "set-aside")
    assert waiting.exists()

    done(system, verb)

    assert not waiting.parent.exists()


def test_a_second_export_waits_until_the_first_is_settled(system: System) -> None:
    done(system, "set-aside")

    refused = system.run("state-folder", "set-aside", "thing", OTHER)

    assert refused.returncode == UNSETTLED
    assert f"the import of {EXPORT} was never settled" in refused.stderr
    assert done(system, "status", OTHER) == "none"
    done(system, "put-back")
    assert done(system, "set-aside", OTHER) == "aside"


@pytest.mark.parametrize("verb", ["set-aside", "put-back"])
def test_no_folder_is_renamed_below_a_unit_that_runs(system: System, verb: str) -> None:
    if verb == "put-back":
        done(system, "set-aside")
        (home(system) / "rows").write_text("new")
    before = contents(home(system))
    system.run("units", "start")

    refused = system.run("state-folder", verb, "thing", EXPORT)

    assert refused.returncode == RUNNING
    assert contents(home(system)) == before


@pytest.mark.parametrize("verb", ["put-back", "set-aside"])
def test_a_power_cut_before_the_folder_was_renamed_is_got_over(system: System, verb: str) -> None:
    (aside(system) / "thing" / EXPORT).mkdir(parents=True)

    done(system, verb)

    done(system, "put-back")
    assert contents(home(system)) == {"rows": "old"}


@pytest.mark.parametrize("verb", ["put-back", "set-aside"])
def test_a_power_cut_before_the_new_folder_was_made_is_got_over(system: System, verb: str) -> None:
    done(system, "set-aside")
    home(system).rmdir()

    done(system, verb)

    assert home(system).is_dir()
    done(system, "put-back")
    assert contents(home(system)) == {"rows": "old"}


def test_a_power_cut_while_a_folder_is_put_back_is_got_over(system: System) -> None:
    done(system, "set-aside")
    (home(system) / "rows").write_text("new")
    home(system).rename(aside(system) / "thing" / EXPORT / "half")

    done(system, "put-back")
    assert contents(home(system)) == {"rows": "old"}

    done(system, "set-aside")
    home(system).rmdir()
    (aside(system) / "thing" / EXPORT / "folder").rename(home(system))
    done(system, "put-back")
    assert contents(home(system)) == {"rows": "old"}
    assert list(aside(system).iterdir()) == []


def test_what_a_power_cut_left_of_a_dropped_folder_is_removed_later(system: System) -> None:
    done(system, "set-aside")
    (aside(system) / "thing" / EXPORT).rename(aside(system) / "thing.gone")
    assert os.listdir(aside(system) / "thing") == []  # noqa: PTH208 - names

    assert done(system, "drop") == "none"

    assert not (aside(system) / "thing.gone").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("set-aside", "other", EXPORT),
        ("set-aside", "thing", "../escape"),
        ("set-aside", "thing", ""),
        ("remove", "thing", EXPORT),
        ("set-aside", "thing"),
    ],
)
def test_what_is_not_known_changes_nothing(system: System, arguments: tuple[str, ...]) -> None:
    refused = system.run("state-folder", *arguments)

    assert refused.returncode == 2
    assert contents(home(system)) == {"rows": "old"}


def test_nothing_is_noted_of_a_folder_that_was_not_set_aside(system: System) -> None:
    assert system.run("state-folder", "imported", "thing", EXPORT).returncode == 1
