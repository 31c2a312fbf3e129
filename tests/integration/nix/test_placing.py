"""place-secrets and place-permit: who may read what, and when nothing is placed at all."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

from tests.support import systems

if TYPE_CHECKING:
    from pathlib import Path

FOREVER = "while :; do sleep 1; done"
REBOOTED = 97
OTHER_TIME = 98
NO_PERMIT = 5
BOOT = systems.BOOT_ID.read_text().strip()


def placed(system: systems.System) -> Path:
    return system.file(f"run/fediversity/secrets.d/{system.path.name}")


def test_a_secret_can_only_be_read_by_its_application(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})

    done = system.run("place-secrets", stdin=systems.archive({"thing/key": b"hidden"}))

    assert done.returncode == 0, done.stderr
    key = placed(system) / "thing/key"
    assert key.read_bytes() == b"hidden"
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o500
    if os.geteuid() == 0:
        passwd = system.file("etc/passwd").read_text()
        assert f"app-thing:x:{key.stat().st_uid}:" in passwd
        assert key.stat().st_uid >= 2000
    assert "hidden" not in done.stdout + done.stderr


def test_secrets_are_replaced_as_a_whole(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    system.run("place-secrets", stdin=systems.archive({"thing/a": b"1", "thing/b": b"2"}))

    system.run("place-secrets", stdin=systems.archive({"thing/b": b"3"}))

    found = {it.name: it.read_bytes() for it in (placed(system) / "thing").iterdir()}
    assert found == {"b": b"3"}
    assert [it.name for it in placed(system).parent.iterdir()] == [system.path.name]


def test_secrets_of_an_application_that_is_not_there_are_refused(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})

    done = system.run("place-secrets", stdin=systems.archive({"other/key": b"hidden"}))

    assert done.returncode == 1
    assert "no application other" in done.stderr
    assert not placed(system).exists()


def test_what_is_no_archive_places_nothing(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    system.run("place-secrets", stdin=systems.archive({"thing/a": b"1"}))

    assert system.run("place-secrets", stdin=b"no archive").returncode != 0

    assert (placed(system) / "thing/a").read_bytes() == b"1"


def test_units_run_as_their_application_and_read_its_secrets(root: Path) -> None:
    script = 'cat "$2/key" > "$1/seen"; id -u >> "$1/seen"; ' + FOREVER
    system = systems.built(root, {"one": script})
    system.run("place-secrets", stdin=systems.archive({"thing/key": b"hidden\n"}))
    system.permit()
    assert system.run("switch-to-configuration", "test").returncode == 0
    seen = system.file("var/lib/applications/thing/seen")

    assert systems.soon(lambda: seen.exists() and len(seen.read_text().split()) == 2)

    value, account = seen.read_text().split()
    assert value == "hidden"
    assert account != "0"


def test_new_secrets_restart_the_unit(root: Path) -> None:
    system = systems.built(root, {"one": 'cat "$2/key" >> "$1/seen"; ' + FOREVER})
    system.permit()
    seen = system.file("var/lib/applications/thing/seen")
    for number, value in enumerate((b"first\n", b"second\n"), start=1):
        system.run("place-secrets", stdin=systems.archive({"thing/key": value}))
        system.run("switch-to-configuration", "test")
        assert systems.soon(lambda: seen.exists() and len(seen.read_text().split()) == number)  # noqa: B023 - called at once

    assert seen.read_text().split() == ["first", "second"]


def test_a_permit_for_another_boot_is_refused(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})

    done = system.run("place-permit", "1", "0" * 36)

    assert done.returncode == REBOOTED
    assert not system.file("run/fediversity/permit").exists()


def test_a_disk_from_before_a_move_gets_no_permit_and_says_why(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    assert system.run("place-permit", "1", BOOT).returncode == 0
    state = root / "var/lib/fediversity"
    before = root / "copy"
    if state.exists():
        shutil.copytree(state, before)
    assert system.run("place-permit", "2", BOOT, "1").returncode == 0
    assert system.run("switch-to-configuration", "test").returncode == 0
    assert system.units() == {"one": "running"}

    # As on a disk that was copied before the epoch was raised: memory is empty after a boot.
    assert system.run("units", "stop").returncode == 0
    shutil.rmtree(root / "run")
    shutil.rmtree(state)
    if before.exists():
        before.rename(state)
    refused = system.run("place-permit", "2", BOOT, "2")

    assert refused.returncode == OTHER_TIME
    assert "run under epoch 1 and its machine under epoch 2: it is an old copy" in refused.stderr
    assert system.run("units", "start").returncode == NO_PERMIT
    assert system.units() == {"one": "stopped"}


def test_a_permit_of_the_past_is_refused(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    assert system.run("place-permit", "3", BOOT).returncode == 0

    refused = system.run("place-permit", "2", BOOT)

    assert refused.returncode == OTHER_TIME
    assert "a permit for epoch 2 is of the past" in refused.stderr
    assert system.run("place-permit", "0", BOOT, "3").returncode == 0


def test_a_permit_is_for_one_system(root: Path) -> None:
    old = systems.built(root, {"one": FOREVER}, note="old")
    new = systems.built(root, {"one": FOREVER}, note="new")
    old.permit()
    old.run("switch-to-configuration", "test")

    new.run("switch-to-configuration", "test")

    assert new.run("units", "start").returncode == NO_PERMIT


def test_an_empty_system_gets_no_permit(root: Path) -> None:
    system = systems.built(root, {}, deployment="")

    done = system.run("place-permit", "1", BOOT)

    assert done.returncode == 2
    assert "gets no permit" in done.stderr
