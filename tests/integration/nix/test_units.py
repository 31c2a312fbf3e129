"""The program `units`: order, permit, restarts, masks, logs and accounts."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.support import systems
from tests.support.systems import soon

if TYPE_CHECKING:
    from pathlib import Path

FOREVER = "while :; do sleep 1; done"
NOTED = "echo $0 >> $1/order; " + FOREVER
NO_PERMIT = 5


def running(root: Path, units: dict[str, str]) -> systems.System:
    system = systems.built(root, units)
    assert system.run("switch-to-configuration", "test").returncode == 0
    system.permit()
    started = system.run("units", "start")
    assert started.returncode == 0, started.stderr
    return system


def test_no_unit_starts_without_a_permit(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    system.run("switch-to-configuration", "test")

    refused = system.run("units", "start")

    assert refused.returncode == NO_PERMIT
    assert "no start permit" in refused.stderr
    assert system.units() == {"one": "stopped"}


def test_a_permit_of_another_boot_is_none(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    system.run("switch-to-configuration", "test")
    system.permit()
    permit = system.file("run/fediversity/permit")
    boot_id = systems.BOOT_ID.read_text().strip()
    permit.write_text(permit.read_text().replace(boot_id, "0" * 36))

    assert system.run("units", "start").returncode == NO_PERMIT


def test_a_permit_of_another_deployment_is_none(root: Path) -> None:
    systems.built(root, {"one": FOREVER}, deployment="01k0000000000000000000000z").permit()
    system = systems.built(root, {"one": FOREVER})

    assert system.run("units", "start").returncode == NO_PERMIT


def test_an_unreadable_permit_is_none(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER})
    system.permit()
    permit = system.file("run/fediversity/permit")
    permit.write_text(permit.read_text().replace('"epoch":1', '"epoch":"one"'))

    assert system.run("units", "start").returncode == NO_PERMIT


def test_units_start_in_order_and_stop(root: Path) -> None:
    system = running(root, {"second": FOREVER, "first": FOREVER})

    begun = [
        system.file(f"run/fediversity/units/{it}.supervisor").stat() for it in ("second", "first")
    ]
    assert begun[0].st_mtime_ns < begun[1].st_mtime_ns
    assert system.units() == {"second": "running", "first": "running"}

    assert system.run("units", "stop").returncode == 0
    assert system.units() == {"second": "stopped", "first": "stopped"}


def test_starting_twice_starts_once(root: Path) -> None:
    system = running(root, {"one": NOTED})
    order = system.file("var/lib/applications/thing/order")
    assert soon(order.exists)

    assert system.run("units", "start").returncode == 0

    assert order.read_text().split() == ["one"]


def test_a_unit_that_ends_is_started_again(root: Path) -> None:
    script = 'echo again >> "$1/count"; exit 3'
    system = running(root, {"one": script})
    count = system.file("var/lib/applications/thing/count")

    assert soon(lambda: count.exists() and len(count.read_text().split()) >= 2)
    log = system.file("var/log/one.log").read_text()
    assert "one ended with status 3 and starts again in 1 s" in log
    assert soon(lambda: system.units() == {"one": "restarting"})


def test_a_stopped_unit_leaves_no_process_behind(root: Path) -> None:
    system = running(root, {"one": "sleep 1000 & echo $! > $1/child; wait"})
    child = system.file("var/lib/applications/thing/child")
    assert soon(lambda: child.exists() and bool(child.read_text().strip()))
    number = int(child.read_text())

    system.run("units", "stop")

    assert soon(lambda: not os.path.exists(f"/proc/{number}"))  # noqa: PTH110 - not a file of ours


def test_several_units_are_stopped_in_the_order_in_which_they_are_named(root: Path) -> None:
    # Whoever is told twice notes it twice, and whoever is told too early not at all.
    trap = "trap 'echo $0 >> $1/stopped; sleep 0.3; exit 0' TERM; echo $0 >> $1/begun; "
    noted = trap + "while :; do sleep 0.1; done"
    system = running(root, dict.fromkeys(("one", "two", "three"), noted))
    begun = system.file("var/lib/applications/thing/begun")
    assert soon(lambda: begun.exists() and len(begun.read_text().split()) == 3)

    done = system.run("units", "mask", "one", "three")

    assert done.returncode == 0, done.stderr
    assert system.units() == {"one": "masked", "two": "running", "three": "masked"}
    stopped = system.file("var/lib/applications/thing/stopped").read_text()
    assert stopped.split() == ["one", "three"]
    assert system.run("units", "stop", "two", "four").returncode == 2


def test_a_masked_unit_stops_and_does_not_start(root: Path) -> None:
    system = running(root, {"one": FOREVER, "two": FOREVER})

    system.run("units", "mask", "one")
    system.run("units", "start")
    assert system.units() == {"one": "masked", "two": "running"}

    system.run("units", "unmask", "one")
    system.run("units", "start")
    assert system.units() == {"one": "running", "two": "running"}


def test_a_log_never_grows_beyond_its_cap(root: Path) -> None:
    chatter = "while :; do echo 0123456789012345678901234567890123456789; sleep 0.001; done"
    system = running(root, {"one": chatter})
    log, older = system.file("var/log/one.log"), system.file("var/log/one.log.1")

    assert soon(older.exists)
    assert older.stat().st_size <= 2000
    assert soon(lambda: log.stat().st_size < 2000)


def test_a_unit_that_cannot_be_prepared_fails_the_start(root: Path) -> None:
    system = systems.built(root, {"one": FOREVER}, prepare="echo no disk; exit 1")
    system.permit()

    refused = system.run("switch-to-configuration", "test")

    assert refused.returncode == 4
    assert "one could not be prepared" in refused.stderr
    assert "no disk" in system.file("var/log/one.log").read_text()


def test_only_changed_units_are_restarted(root: Path) -> None:
    running(root, {"same": NOTED, "changing": NOTED})
    changed = systems.built(root, {"same": NOTED, "changing": NOTED + " # changed"})
    changed.permit()
    order = changed.file("var/lib/applications/thing/order")
    assert soon(lambda: sorted(order.read_text().split()) == ["changing", "same"])

    changed.run("switch-to-configuration", "test")

    assert soon(lambda: sorted(order.read_text().split()) == ["changing", "changing", "same"])


def test_units_that_a_system_lacks_are_stopped(root: Path) -> None:
    running(root, {"old": FOREVER, "kept": FOREVER})
    smaller = systems.built(root, {"kept": FOREVER})

    smaller.run("switch-to-configuration", "test")

    assert smaller.units() == {"kept": "running"}
    assert not smaller.file("run/fediversity/units/old.supervisor").exists()


def test_an_unknown_unit_is_refused(root: Path) -> None:
    system = running(root, {"one": FOREVER})

    refused = system.run("units", "stop", "two")

    assert refused.returncode == 2
    assert "no unit two" in refused.stderr
    assert system.units() == {"one": "running"}


def test_a_supervisor_that_was_killed_is_followed_by_another(root: Path) -> None:
    system = running(root, {"one": FOREVER})
    supervisor = system.file("run/fediversity/units/one.supervisor")
    number = int(supervisor.read_text().partition(":")[0])
    # Written down a moment before it leads a group of its own.
    assert soon(lambda: os.getpgid(number) == number)
    os.killpg(number, signal.SIGKILL)
    assert soon(lambda: system.units() == {"one": "stopped"})

    assert system.run("units", "start").returncode == 0

    assert system.units() == {"one": "running"}
    assert int(supervisor.read_text().partition(":")[0]) != number


def test_a_lock_whose_holder_died_is_taken_over_by_one(root: Path) -> None:
    system = running(root, {"one": FOREVER})
    lock = system.file("run/fediversity/units/lock")
    # No process is called like this: the number is ours, the start is not.
    lock.symlink_to(f"{os.getpid()}:1")

    with ThreadPoolExecutor() as threads:
        found = list(threads.map(lambda _: system.run("units", "start").returncode, range(6)))

    assert found == [0] * 6
    assert not lock.is_symlink()
