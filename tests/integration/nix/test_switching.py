"""guarded-switch and confirm-switch: what is kept, what comes back, what is on disk meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support import systems

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.support.systems import System

FOREVER = "while :; do sleep 1; done"
NO_PERMIT = 5
BUSY = 75
PATIENT = "60"


def machine(root: Path) -> tuple[System, System]:
    """Return the system that a machine runs and one that it could switch to."""
    old = systems.built(root, {"one": FOREVER}, note="old")
    new = systems.built(root, {"one": FOREVER}, note="new")
    profile = root / "nix/var/nix/profiles"
    profile.mkdir(parents=True)
    (profile / "system-0-link").symlink_to(old.path)
    (profile / "system").symlink_to("system-0-link")
    old.permit()
    assert old.run("switch-to-configuration", "switch").returncode == 0
    return old, new


def switch(system: System, seconds: str = PATIENT) -> subprocess.CompletedProcess[str]:
    system.permit()
    profile = system.file("nix/var/nix/profiles/system")
    return system.run("guarded-switch", str(profile), str(system.path), seconds)


def word(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def runs(system: System) -> bool:
    """Say whether a system runs and is the one that a boot would activate."""
    here = (system.file("run/current-system"), system.file("nix/var/nix/profiles/system"))
    return all(it.resolve() == system.path for it in here)


def journal(system: System) -> list[str]:
    folder = system.file("var/lib/fediversity/switch")
    return sorted(it.name for it in folder.iterdir()) if folder.exists() else []


def test_the_way_back_is_on_disk_until_the_verdict(root: Path) -> None:
    old, new = machine(root)

    assert word(switch(new)) == "activated"
    written = new.file("var/lib/fediversity/switch")
    assert (written / "old").read_text().strip() == str(old.path)
    assert (written / "new").read_text().strip() == str(new.path)
    roots = new.file("nix/var/nix/gcroots/fediversity")
    assert {it.resolve() for it in roots.iterdir()} == {old.path, new.path}

    assert word(new.run("confirm-switch")) == "confirmed"
    assert journal(new) == []
    assert not roots.exists()
    assert runs(new)


def test_a_confirmed_switch_adds_a_generation(root: Path) -> None:
    old, new = machine(root)
    switch(new)
    new.run("confirm-switch")

    links = sorted(it.name for it in new.file("nix/var/nix/profiles").iterdir())
    assert links == ["system", "system-0-link", "system-1-link"]
    assert switch(new).stdout.split() == ["unchanged", "1"]
    assert switch(old).stdout.split() == ["activated", "2"]


def test_a_refusal_brings_the_permit_of_before_back(root: Path) -> None:
    old, new = machine(root)
    assert switch(new).returncode == 0
    assert new.units() == {"one": "running"}
    places = root / "run/fediversity/permits"
    (places / old.path.name).unlink()

    assert word(new.run("guarded-switch", "--refuse", "it is sick")) == "rolled_back"

    assert old.run("units", "start").returncode == NO_PERMIT
    old.permit()
    assert old.run("units", "start").returncode == 0
    switch(new)
    new.run("confirm-switch")
    assert [it.name for it in places.iterdir()] == [new.path.name]


def test_a_refusal_brings_the_old_generation_back(root: Path) -> None:
    old, new = machine(root)
    switch(new)

    verdict = new.run("guarded-switch", "--refuse", "it is sick")

    assert verdict.stdout.strip() == "rolled_back 0 it is sick"
    assert runs(old)
    assert journal(old) == []


def test_without_a_verdict_the_watchdog_takes_back(root: Path) -> None:
    old, new = machine(root)
    switch(new, "1")

    deadline = time.monotonic() + 60
    while not runs(old):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    late = new.run("confirm-switch")
    assert late.stdout.startswith("rolled_back 0 nobody confirmed the switch within 1 s")


def test_a_failed_activation_is_taken_back_at_once(root: Path) -> None:
    old, _ = machine(root)
    broken = systems.built(root, {"one": FOREVER}, prepare="exit 1")

    done = switch(broken)

    assert word(done) == "rolled_back"
    assert "the activation failed" in done.stdout
    assert runs(old)
    assert old.units() == {"one": "running"}


def test_an_activation_without_an_end_is_taken_back_in_time(root: Path) -> None:
    old, _ = machine(root)
    slow = systems.built(root, {"one": FOREVER}, prepare="sleep 60")

    assert word(switch(slow, "1")) in {"activating", "rolled_back"}

    # Whoever asks waits for the watchdog to finish.
    verdict = slow.run("guarded-switch", "--refuse", "it did not come to an end")
    assert verdict.stdout.startswith("rolled_back 0 nobody confirmed the switch within 1 s")
    assert runs(old)


def test_another_switch_waits_for_the_verdict(root: Path) -> None:
    _, new = machine(root)
    third = systems.built(root, {"one": FOREVER}, note="third")
    switch(new)

    assert switch(third).returncode == BUSY
    assert runs(new)
    assert word(new.run("confirm-switch")) == "confirmed"
    assert word(switch(third)) == "activated"
    third.run("confirm-switch")


def test_a_second_call_joins_the_switch_under_way(root: Path) -> None:
    _, new = machine(root)

    first, second = switch(new), switch(new)

    assert first.stdout == second.stdout == "activated 1 \n"
    watchdog = new.file("run/fediversity/switch/watchdog")
    assert watchdog.exists()
    assert new.run("confirm-switch").stdout.split() == ["confirmed", "1"]


def test_a_rollback_that_fails_is_not_called_one(root: Path) -> None:
    old, new = machine(root)
    switch(new)
    # The old system cannot come back: there is no place for what its unit keeps.
    new.file("var/lib/applications").rename(new.file("var/lib/gone"))
    new.file("var/lib/applications").touch()

    verdict = new.run("guarded-switch", "--refuse", "it is sick")

    assert word(verdict) == "rollback_failed"
    assert journal(old) == ["new", "old"]
    new.file("var/lib/applications").unlink()
    new.file("var/lib/gone").rename(new.file("var/lib/applications"))


def test_a_switch_after_one_that_was_never_settled_comes_back_to_the_settled_system(
    root: Path,
) -> None:
    old, new = machine(root)
    third = systems.built(root, {"one": FOREVER}, note="third")
    # As a killed machine leaves it, where the image's init did not settle it.
    profile = root / "nix/var/nix/profiles"
    (profile / "system-1-link").symlink_to(new.path)
    (profile / "system").unlink()
    (profile / "system").symlink_to("system-1-link")
    (root / "var/lib/fediversity/switch").mkdir(parents=True)
    (root / "var/lib/fediversity/switch/old").write_text(f"{old.path}\n")
    (root / "var/lib/fediversity/switch/new").write_text(f"{new.path}\n")

    assert word(switch(third)) == "activated"
    assert word(third.run("guarded-switch", "--refuse", "no")) == "rolled_back"

    assert runs(old)


def test_a_system_that_is_not_there_changes_nothing(root: Path) -> None:
    old, _ = machine(root)
    profile = root / "nix/var/nix/profiles/system"

    done = old.run("guarded-switch", str(profile), "/nix/store/missing", PATIENT)

    assert word(done) == "rolled_back"
    assert runs(old)
