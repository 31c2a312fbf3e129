"""as-application: a command of a package runs as its user, with its places filled in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.support import systems

if TYPE_CHECKING:
    from pathlib import Path

FOREVER = "while :; do sleep 1; done"
PRINT = ("/bin/busybox", "printf", "%s\n")


def started(root: Path) -> systems.System:
    """Return a system whose application has its account and its folder."""
    system = systems.built(root, {"one": FOREVER})
    system.permit()
    assert system.run("switch-to-configuration", "test").returncode == 0
    return system


def test_words_may_name_the_places_of_the_application(root: Path) -> None:
    system = started(root)
    words = ("{code}/x", "{configuration}", "-s={secrets}:{secrets}", "{state}", "a b", "$(id) {}")

    done = system.run("as-application", "thing", *PRINT, *words)

    assert done.returncode == 0, done.stderr
    folder = f"{system.path}/applications/thing"
    secrets = f"{root}/run/fediversity/secrets/thing"
    assert done.stdout.splitlines() == [
        f"{folder}/code/x",
        f"{folder}/configuration.json",
        f"-s={secrets}:{secrets}",
        f"{root}/var/lib/applications/thing",
        "a b",
        "$(id) {}",
    ]


def test_a_command_runs_as_the_user_and_in_the_folder_of_its_application(root: Path) -> None:
    system = started(root)

    done = system.run("as-application", "thing", "/bin/busybox", "sh", "-c", "id -u; pwd")

    number, folder = done.stdout.split()
    assert folder == f"{root}/var/lib/applications/thing"
    assert int(number) == os.geteuid() or int(number) >= 2000


def test_the_status_of_the_command_is_told(root: Path) -> None:
    system = started(root)

    assert system.run("as-application", "thing", "/bin/busybox", "false").returncode == 1


def test_an_application_that_is_not_there_is_refused(root: Path) -> None:
    system = started(root)

    done = system.run("as-application", "../thing", "/bin/busybox", "true")

    assert done.returncode == 2
    assert "no application" in done.stderr
